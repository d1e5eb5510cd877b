import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openGate } from '../../test/support/gate.ts';
import { settled } from '../../test/support/gate-road.ts';
import { PlayedStream } from '../../test/support/http-ingress.ts';
import { createVouchedIdentity, type Identity } from '../access/identity.ts';
import type { SallyportError } from '../errors.ts';
import type { Caller } from './gate.ts';
import { createServiceRules } from './service-rules.ts';
import type { Upstream } from './upstream.ts';

const ann = (authority: string): Identity =>
  createVouchedIdentity({ name: 'ann', authority, roles: ['consumer'], names: ['*'] })!;

function road() {
  const rules = createServiceRules([{ name: 'private-*', authenticators: ['company'] }]);
  const upstream = { id: 's1', streams: 0 } as Upstream;
  const registry: Parameters<typeof openGate>[0] = {
    open: (request, receiver) => ({
      stream: new PlayedStream(request, receiver, () => {}),
      upstream,
    }),
  };
  const gate = openGate(registry, { rules });
  const told: string[] = [];
  const open = (service: string, caller: Caller = null): void => {
    const receiver = {
      data() {},
      finished() {},
      drained() {},
      reset: ({ code }: SallyportError) => void told.push(code),
    };
    gate.open({ service, kind: 'tcp', consumer: '192.0.2.1:1', id: 'i' }, receiver, { caller });
  };
  return { open, told };
}

test('bypass: a service that asks who its consumers are is closed on every other road', () => {
  const { open } = road();
  assert.throws(() => open('private-box'), { code: 'CONSUMER_AUTH' }, 'a public port');
  assert.throws(() => open('private-box', ann('tokens')), { code: 'DENIED' }, 'another authority');
  open('private-box', ann('company'));
  open('public-box');
  open('public-box', ann('tokens'));
});

test('bypass: also for a caller who is found out later', async () => {
  const { open, told } = road();
  open('private-box', Promise.resolve(null));
  open('private-box', Promise.resolve(ann('tokens')));
  open('private-box', Promise.resolve(ann('company')));
  await settled();
  assert.deepEqual(told, ['CONSUMER_AUTH', 'DENIED']);
});
