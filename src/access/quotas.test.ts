import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { isErrorCode, type ErrorCode } from '../errors.ts';
import type { Identity } from './identity.ts';
import { quotaOf, type Quota } from './quota.ts';
import { createQuotas, type Lease } from './quotas.ts';

interface Setting {
  identities?: Record<string, Quota>;
  services?: Record<string, Quota>;
}

const identity = (name: string): Identity => ({ name }) as Identity;
const [ann, bob] = [identity('ann'), identity('bob')];

/** Quotas on a clock of the test's own. */
function open(t: TestContext, setting: Setting) {
  const clock = { now: 0 };
  const quotas = createQuotas({
    ofIdentity: ({ name }) => setting.identities?.[name] ?? null,
    ofService: (name) => setting.services?.[name] ?? null,
    now: () => clock.now,
  });
  t.after(() => quotas.close());
  return { quotas, clock, setting };
}

function codeOf(take: () => unknown): ErrorCode | null {
  try {
    take();
    return null;
  } catch (thrown) {
    const { code } = thrown as { code: string };
    assert.ok(isErrorCode(code), String(thrown));
    return code;
  }
}

test('where nothing is limited nothing is counted', (t) => {
  const { quotas } = open(t, {});
  for (let n = 0; n < 100; n++) quotas.session(ann);
  quotas.offer(ann, 'web');
  assert.equal(quotas.stream(ann, 'web'), null);
  assert.equal(quotas.stream(null, 'web'), null);
  for (let n = 0; n < 1_000; n++) quotas.request(null, 'web');
});

describe('counts', () => {
  test('sessions of one identity: the next is refused until one is over, others are not concerned', (t) => {
    const { quotas } = open(t, {
      identities: { ann: { connections: 2 }, bob: { connections: 1 } },
    });
    const first = quotas.session(ann);
    quotas.session(ann);
    assert.throws(() => quotas.session(ann), {
      code: 'LIMIT_REACHED',
      message: 'identity "ann": its limit is 2 connections',
      http: 429,
    });
    assert.equal(
      codeOf(() => quotas.session(bob)),
      null,
    );
    first.release();
    assert.equal(
      codeOf(() => quotas.session(ann)),
      null,
    );
    assert.equal(
      codeOf(() => quotas.session(ann)),
      'LIMIT_REACHED',
    );
  });

  test('streams count for who opens them and for the service; a refusal by one takes nothing of the other', (t) => {
    const { quotas } = open(t, {
      identities: { ann: { streams: 2 } },
      services: { web: { streams: 1 } },
    });
    const web = quotas.stream(ann, 'web');
    for (let n = 0; n < 5; n++)
      assert.equal(
        codeOf(() => quotas.stream(ann, 'web')),
        'LIMIT_REACHED',
      );
    const box = quotas.stream(ann, 'box');
    assert.equal(
      codeOf(() => quotas.stream(ann, 'box')),
      'LIMIT_REACHED',
    );
    assert.equal(
      codeOf(() => quotas.stream(null, 'web')),
      'LIMIT_REACHED',
    );
    web!.release();
    box!.release();
    assert.equal(
      codeOf(() => quotas.stream(null, 'web')),
      null,
    );
  });

  test('names: one that several agents of an identity share is one; agents of a service are counted', (t) => {
    const { quotas } = open(t, {
      identities: { ann: { names: 1 } },
      services: { web: { connections: 2 } },
    });
    const [first, second] = [quotas.offer(ann, 'web'), quotas.offer(ann, 'web')];
    assert.throws(() => quotas.offer(ann, 'box'), {
      message: /identity "ann": its limit is 1 names/,
    });
    assert.throws(() => quotas.offer(bob, 'web'), { message: /service "web": its limit is 2 / });
    first.release();
    assert.equal(
      codeOf(() => quotas.offer(ann, 'box')),
      'LIMIT_REACHED',
    );
    second.release();
    assert.equal(
      codeOf(() => quotas.offer(ann, 'box')),
      null,
    );
  });

  test('what agents serve counts for their identity too, once, as long as they offer it', (t) => {
    const { quotas } = open(t, { identities: { ann: { streams: 2, requests: 1, down: 4_000 } } });
    const offers = [quotas.offer(ann, 'web'), quotas.offer(ann, 'web')];
    const lease = quotas.stream(null, 'web')!;
    assert.deepEqual([lease.counted, lease.up.length, lease.down.length], [true, 0, 1]);
    const own = quotas.stream(ann, 'web')!;
    assert.equal(own.down.length, 1);
    assert.equal(
      codeOf(() => quotas.stream(bob, 'web')),
      'LIMIT_REACHED',
    );
    assert.notEqual(
      codeOf(() => quotas.stream(bob, 'box')),
      'LIMIT_REACHED',
    );
    quotas.request(bob, 'web');
    assert.throws(() => quotas.request(null, 'web'), { message: /^identity "ann": more than 1 / });
    offers[0].release();
    assert.equal(
      codeOf(() => quotas.stream(null, 'web')),
      'LIMIT_REACHED',
    );
    offers[1].release();
    assert.equal(quotas.stream(null, 'web'), null);
    for (const { release } of [lease, own]) release();
  });

  test('any order of taking and giving back: never above the limit, and nothing is lost', (t) => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (steps) => {
        const { quotas } = open(t, { services: { web: { streams: 3 } } });
        const held: Lease[] = [];
        for (const take of steps) {
          if (!take) held.pop()?.release();
          else if (held.length === 3)
            assert.equal(
              codeOf(() => quotas.stream(null, 'web')),
              'LIMIT_REACHED',
            );
          else held.push(quotas.stream(null, 'web')!);
        }
      }),
    );
  });
});

describe('requests', () => {
  test('those of a second at once, then as many a second', (t) => {
    const { quotas, clock } = open(t, { services: { web: { requests: 10 } } });
    const ask = (): ErrorCode | null => codeOf(() => quotas.request(null, 'web'));
    const through = (): number =>
      Array.from({ length: 50 }, ask).filter((code) => code === null).length;
    assert.equal(through(), 10);
    assert.equal(ask(), 'RATE_LIMITED');
    clock.now += 500;
    assert.equal(through(), 5);
    clock.now += 60_000;
    assert.equal(through(), 10);
  });

  test('a request that the service refuses is not counted for its sender', (t) => {
    const { quotas } = open(t, {
      identities: { ann: { requests: 2 } },
      services: { web: { requests: 1 } },
    });
    quotas.request(ann, 'web');
    for (let n = 0; n < 5; n++)
      assert.throws(() => quotas.request(ann, 'web'), {
        message: /^service "web": more than 1 req/,
      });
    quotas.request(ann, 'box');
    assert.throws(() => quotas.request(ann, 'box'), {
      code: 'RATE_LIMITED',
      message: /^identity "ann"/,
    });
  });
});

describe('rates of bytes', () => {
  test('a stream has those of its opener and of its service; all streams of one share it', (t) => {
    const { quotas } = open(t, {
      identities: { ann: { up: 5_000 } },
      services: { web: { up: 9_000, down: 7_000 } },
    });
    const [one, other] = [quotas.stream(ann, 'web')!, quotas.stream(ann, 'web')!];
    assert.deepEqual([one.up.length, one.down.length], [2, 1]);
    assert.deepEqual(one.up, other.up);
    assert.equal(quotas.stream(null, 'web')!.up[0], one.up[1]);
    assert.deepEqual([quotas.stream(ann, 'box')!.down.length], [0]);
  });

  test('other limits hold from the moment of the refresh, for rates that are in use too', (t) => {
    const { quotas, setting, clock } = open(t, { services: { web: { up: 40_000, requests: 1 } } });
    const { up } = quotas.stream(null, 'web')!;
    assert.equal(up[0].left, 10_000);
    setting.services = { web: { up: 20_000, streams: 1 } };
    assert.equal(
      codeOf(() => quotas.stream(null, 'web')),
      null,
    );
    quotas.refresh();
    assert.equal(up[0].left, 5_000);
    assert.equal(
      codeOf(() => quotas.stream(null, 'web')),
      'LIMIT_REACHED',
    );
    for (let n = 0; n < 5; n++) quotas.request(null, 'web');
    setting.services = {};
    quotas.refresh();
    clock.now += 1;
    assert.equal(up[0].left, Infinity);
    assert.deepEqual(quotas.stream(null, 'web')!.up, []);
  });
});

test('what nobody uses any more is forgotten', (t) => {
  const limits: Quota = { streams: 1 };
  const { quotas, clock } = open(t, {
    services: new Proxy({}, { get: () => limits }),
  });
  for (let n = 0; n < 200_000; n++) {
    quotas.stream(null, `service-${n}`)!.release();
    clock.now += 1;
  }
  const held = quotas.stream(null, 'service-0')!;
  clock.now += 10_000;
  for (let n = 0; n < 5_000; n++) quotas.stream(null, `other-${n}`)!.release();
  assert.equal(
    codeOf(() => quotas.stream(null, 'service-0')),
    'LIMIT_REACHED',
    'what is used is not',
  );
  held.release();
});

test('own limits go before the common ones, key by key', () => {
  assert.equal(quotaOf(undefined, undefined), null);
  assert.equal(quotaOf({}, {}), null);
  assert.deepEqual(quotaOf({ streams: 2 }, { streams: 1, names: 3 }), { streams: 2, names: 3 });
});
