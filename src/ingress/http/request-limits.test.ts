import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, ok, relay } from '../../../test/support/http-ingress.ts';
import type { Identity } from '../../access/identity.ts';
import { createQuotas } from '../../access/quotas.ts';
import type { HttpIngressOptions } from './ingress-options.ts';

const ann = {
  name: 'ann',
  fingerprint: 'ann',
  roles: new Set(['consumer']),
} as unknown as Identity;
Object.assign(ann, { names: { match: () => true } });

/** Two requests of ann to each service at most, whatever the clock says. */
const quotas = () =>
  createQuotas({ ofIdentity: () => ({ requests: 2 }), ofService: () => null, now: () => 0 });

/** Every service asks who its consumers are, and is told that it is ann. */
function demands(caller: Identity | Promise<Identity>): NonNullable<HttpIngressOptions['demands']> {
  return {
    rules: { of: (name) => ({ name, authenticators: ['any'] }) },
    reception: { admit: () => caller, challenge: () => '' },
  };
}

const found = {
  'at once': () => ann,
  'after a while': () => Promise.resolve(ann),
};

for (const [when, caller] of Object.entries(found)) {
  test(`requests count for a caller who is known ${when}`, async (t) => {
    const limits = quotas();
    t.after(() => limits.close());
    const played = await relay(t, { quotas: limits, demands: demands(caller()) });
    const { client } = played;
    for (let n = 0; n < 2; n++) {
      client.send(get());
      await played.until(
        () =>
          played.streams.reduce((sum, { received }) => sum + received.split('GET ').length - 1, 0) >
          n,
      );
      played.streams.at(-1)!.accept().answer(ok('yes'));
      await client.until((text) => text.split('yes').length === n + 2);
    }
    client.send(get());
    const text = await client.until((all) => all.includes('RATE_LIMITED'));
    assert.match(text, /HTTP\/1\.1 429 Too Many Requests\r\n[^]*Retry-After: \d/);
    assert.match(text, /identity "ann": more than 2 requests a second/);
    assert.equal(played.lines.at(-1)?.outcome, 'RATE_LIMITED');
  });
}

test('information leak: the public is not told whose agents are at their limit', async (t) => {
  const limits = quotas();
  t.after(() => limits.close());
  const owned = limits.offer(ann, 'a');
  t.after(() => owned.release());
  for (let n = 0; n < 2; n++) limits.request(null, 'a');
  const played = await relay(t, { quotas: limits });
  played.client.send(get('/', 'Connection: close\r\n'));
  const text = await played.client.untilEnd();
  assert.match(text, /^HTTP\/1\.1 429 [^]*\n\nservice a: whoever offers it is at a limit\n/);
  assert.doesNotMatch(text, /ann/);
  assert.match(played.lines[0].error!, /identity "ann": more than 2 requests a second/);
});

test('a request without limits is not counted', async (t) => {
  const played = await relay(t);
  played.client.send(get());
  (await arrived(played, 1)).accept().answer(ok('yes'));
  await played.client.until((text) => text.includes('yes'));
});
