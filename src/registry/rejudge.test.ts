import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openGate } from '../../test/support/gate.ts';
import { PlayedStream } from '../../test/support/http-ingress.ts';
import { createIdentities } from '../access/identities.ts';
import type { Identity } from '../access/identity.ts';
import type { AccessRequest, Decision } from '../access/policy/policy.ts';
import type { SallyportError } from '../errors.ts';
import { REJUDGED_AT_ONCE } from '../limits.ts';
import type { StreamEnd } from '../session/session.ts';
import { createLiveStreams } from './live-streams.ts';
import type { Upstream, UpstreamReceiver } from './upstream.ts';

type Decide = (question: AccessRequest) => Decision | Promise<Decision>;

const yes: Decision = { allow: true, reason: 'a test' };
const no: Decision = { allow: false, reason: 'rule 2: not any more' };

const token = 'sp_token-of-the-rejudging-tests';
const scopes = (names: string[]) => [{ name: 'ann', token, roles: ['consumer'] as const, names }];

/** A stream of an upstream that tells how it ended. */
class Opened extends PlayedStream {
  override onOver: ((end: StreamEnd) => void) | null = null;

  override reset(why?: SallyportError): void {
    if (this.wasReset) return;
    super.reset();
    this.onOver?.(why ?? 'closed');
  }
}

/** A gate that lets everything through until `decide` says otherwise; `ended` tells how its streams end. */
function openRoad() {
  const road = { decide: (() => yes) as Decide };
  const ended = new Map<string, string>();
  const live = createLiveStreams();
  const policy = {
    authorize: (question: AccessRequest) => road.decide(question),
    close() {},
  };
  const registry = {
    open: (request: never, receiver: UpstreamReceiver) => ({
      stream: new Opened(request, receiver, () => {}),
      upstream: { id: 's1', streams: 0 } as Upstream,
    }),
  };
  const gate = openGate(registry, { live, policy: () => policy });
  const open = (id: string, caller: Identity | null | Promise<Identity | null> = null): void => {
    const receiver: UpstreamReceiver = {
      data() {},
      finished() {},
      drained() {},
      reset: ({ code, message }) => void ended.set(id, `${code} ${message}`),
    };
    const service = id.split(' ')[0];
    gate.open({ service, kind: 'tcp', consumer: '192.0.2.1:7', id }, receiver, { caller });
  };
  return Object.assign(road, { gate, live, ended, open });
}

function consumers() {
  const identities = createIdentities(scopes(['*']));
  const ann = identities.authenticate(`Bearer ${token}`)!;
  return { identities, ann, current: (identity: Identity) => identities.current(identity) };
}

test('streams of a caller whose token is gone end at once; those of others go on', () => {
  const { identities, ann, current } = consumers();
  const { gate, open, ended, live } = openRoad();
  open('box 1', ann);
  open('box 2');
  identities.replace([]);
  gate.rejudge(current);
  assert.deepEqual(
    [...ended],
    [['box 1', 'AUTH_FAILED service box: the token is no longer known']],
  );
  assert.equal(live.count, 1);
});

test('streams that narrower scopes do not cover end; the others have the new scopes', () => {
  const { identities, ann, current } = consumers();
  const { gate, open, ended, live } = openRoad();
  open('box 1', ann);
  open('web 1', ann);
  identities.replace(scopes(['web']));
  gate.rejudge(current);
  assert.deepEqual([...ended.keys()], ['box 1']);
  assert.match(ended.get('box 1')!, /^DENIED .*names web$/);
  const [left] = live.list();
  assert.deepEqual(left.identity?.names.patterns, ['web']);
});

test('another policy judges what is open, of everybody', () => {
  const road = openRoad();
  const { ann, current } = consumers();
  road.open('box 1');
  road.open('web 1', ann);
  road.decide = ({ service }) => (service === 'box' ? no : yes);
  road.gate.rejudge(current);
  assert.deepEqual([...road.ended], [['box 1', 'DENIED service box: rule 2: not any more']]);
});

test('a policy that asks somebody gets a few questions at a time, and all streams are judged', async () => {
  const road = openRoad();
  const count = 3 * REJUDGED_AT_ONCE;
  for (let i = 0; i < count; i++) road.open(`box ${i}`);
  const asked: (() => void)[] = [];
  road.decide = () => new Promise((resolve) => asked.push(() => resolve(no)));
  road.gate.rejudge(() => null);
  for (let done = 0; done < count; done += REJUDGED_AT_ONCE) {
    assert.equal(asked.length, done + REJUDGED_AT_ONCE);
    for (const answer of asked.slice(done)) answer();
    await turn();
  }
  assert.equal(road.ended.size, count);
});

test('what an older change asked for counts no more once there is a newer one', async () => {
  const road = openRoad();
  road.open('box 1');
  const answer = Promise.withResolvers<Decision>();
  road.decide = () => answer.promise;
  road.gate.rejudge(() => null);
  road.decide = () => yes;
  road.gate.rejudge(() => null);
  answer.resolve(no);
  await turn();
  assert.equal(road.ended.size, 0);
});

test('a caller who was known before the change, and is not after it, gets no stream', async () => {
  const { identities, ann, current } = consumers();
  const road = openRoad();
  const found = Promise.withResolvers<Identity>();
  road.open('box 1', found.promise);
  road.decide = ({ identity }) => (identity === null ? no : yes);
  identities.replace([]);
  road.gate.rejudge(current);
  await turn();
  assert.equal(road.ended.size, 0, 'it is not judged while nobody knows who asks');
  found.resolve(ann);
  await turn();
  assert.match(road.ended.get('box 1')!, /^AUTH_FAILED/);
});
