import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { until, within } from '../../test/support/wait.ts';
import { SallyportError, type ErrorCode } from '../errors.ts';
import { RECONNECT_MIN_MS } from '../limits.ts';
import type { ClientSession } from './client-session.ts';
import { keepAttached } from './keep-attached.ts';

const LIMIT_MS = 5_000;
/** The first pause when the lot falls on the shortest one. */
const PAUSE_MS = RECONNECT_MIN_MS / 2;

/** A session whose end and drain the test decides on. */
function madeSession() {
  const closed = Promise.withResolvers<SallyportError | null>();
  const draining = Promise.withResolvers<null>();
  const made = { closes: 0, end: closed.resolve, drain: () => draining.resolve(null) };
  const session = {
    closed: closed.promise,
    draining: draining.promise,
    close() {
      made.closes++;
      closed.resolve(null);
    },
  } as unknown as ClientSession;
  return Object.assign(made, { session });
}

/** Runs with the shortest pauses that the lot allows. Every dial and registration is answered by the test. */
function keep(t: TestContext, keepTrying = false) {
  t.mock.method(Math, 'random', () => 0);
  const dials: PromiseWithResolvers<ClientSession>[] = [];
  const registrations: PromiseWithResolvers<void>[] = [];
  const losses: [ErrorCode | null, number][] = [];
  const abort = new AbortController();
  t.after(() => abort.abort());
  const running = keepAttached({
    open() {
      dials.push(Promise.withResolvers());
      return dials.at(-1)!.promise;
    },
    attached() {
      registrations.push(Promise.withResolvers());
      return registrations.at(-1)!.promise;
    },
    lost: (error, waitMs) => void losses.push([error?.code ?? null, waitMs]),
    keepTrying,
    signal: abort.signal,
  });
  running.catch(() => {});
  return {
    dials,
    losses,
    abort,
    ended: () => within(LIMIT_MS, running, 'the end'),
    /** The dial of that number, counted from 1. */
    async dial(n: number) {
      await until(`dial ${n} is made`, () => dials.length >= n, LIMIT_MS);
      assert.equal(dials.length, n);
      return dials[n - 1];
    },
    /** The present dial gives a session, whose registration is then for the test to answer. */
    async attach() {
      const made = madeSession();
      const before = registrations.length;
      dials.at(-1)!.resolve(made.session);
      await until('services are registered', () => registrations.length > before, LIMIT_MS);
      return { made, registered: registrations.at(-1)! };
    },
  };
}

const unreachable = (): SallyportError => new SallyportError('SERVER_UNREACHABLE', 'dial: no');

test('dials that fail: the pauses double, and a session that stood makes them short again', async (t) => {
  const kept = keep(t);
  const began = performance.now();
  (await kept.dial(1)).reject(unreachable());
  (await kept.dial(2)).reject(new TypeError('a defect is no reason to give up'));
  await kept.dial(3);
  const took = performance.now() - began;
  assert.ok(took > 2.5 * PAUSE_MS, `${took} ms: the pauses were made, not only told`);
  const { made, registered } = await kept.attach();
  registered.resolve();
  made.end(new SallyportError('LINK_LOST', 'link: gone'));
  (await kept.dial(4)).reject(unreachable());
  assert.deepEqual(kept.losses, [
    ['SERVER_UNREACHABLE', PAUSE_MS],
    ['INTERNAL', 2 * PAUSE_MS],
    ['LINK_LOST', PAUSE_MS],
  ]);
});

test('a session that could not register counts as a failed attempt, and is closed', async (t) => {
  const kept = keep(t);
  for (const n of [1, 2]) {
    await kept.dial(n);
    const { made, registered } = await kept.attach();
    registered.reject(new SallyportError('SERVER_DRAINING', 'port: given back'));
    await kept.dial(n + 1);
    assert.equal(made.closes, 1);
  }
  assert.deepEqual(kept.losses, [
    ['SERVER_DRAINING', PAUSE_MS],
    ['SERVER_DRAINING', 2 * PAUSE_MS],
  ]);
});

test('drain: it dials again, and the old session is left to finish its streams', async (t) => {
  const kept = keep(t);
  const { made, registered } = await kept.attach();
  registered.resolve();
  made.drain();
  await kept.dial(2);
  assert.deepEqual(kept.losses, [[null, PAUSE_MS]]);
  assert.equal(made.closes, 0);
});

test('an orderly end of the session is dialled after, too', async (t) => {
  const kept = keep(t);
  const { made, registered } = await kept.attach();
  registered.resolve();
  made.end(null);
  await kept.dial(2);
  assert.deepEqual(kept.losses, [[null, PAUSE_MS]]);
});

describe('an error that dialling cannot mend', () => {
  type Kept = ReturnType<typeof keep>;
  const fatal = (): SallyportError => new SallyportError('AUTH_FAILED', 'attach: not known');
  const ways: [string, (kept: Kept) => Promise<void>][] = [
    ['of the dial', async (kept) => (await kept.dial(1)).reject(fatal())],
    ['of a registration', async (kept) => (await kept.attach()).registered.reject(fatal())],
    [
      'of the session',
      async (kept) => {
        const { made, registered } = await kept.attach();
        registered.resolve();
        made.end(fatal());
      },
    ],
  ];
  for (const [name, happens] of ways) {
    test(`${name} ends it`, async (t) => {
      const kept = keep(t);
      await happens(kept);
      await assert.rejects(kept.ended(), { code: 'AUTH_FAILED' });
      assert.deepEqual([kept.losses.length, kept.dials.length], [0, 1]);
    });

    test(`${name} is outlived with keepTrying`, async (t) => {
      const kept = keep(t, true);
      await happens(kept);
      await kept.dial(2);
      assert.deepEqual(kept.losses, [['AUTH_FAILED', PAUSE_MS]]);
    });
  }
});

describe('abort', () => {
  test('before it began: nothing is dialled', async () => {
    const open = (): never => assert.fail('dialled');
    const attached = (): never => assert.fail('attached');
    const lost = (): never => assert.fail('lost');
    const signal = AbortSignal.abort();
    await keepAttached({ open, attached, lost, keepTrying: false, signal });
  });

  test('in a dial that gives up: it ends, and tells of no loss', async (t) => {
    const kept = keep(t);
    kept.abort.abort();
    (await kept.dial(1)).reject(kept.abort.signal.reason);
    await kept.ended();
    assert.deepEqual(kept.losses, []);
  });

  test('in a dial that still succeeds: the session is closed before anything is registered', async (t) => {
    const kept = keep(t);
    kept.abort.abort();
    const made = madeSession();
    (await kept.dial(1)).resolve(made.session);
    await kept.ended();
    assert.equal(made.closes, 1);
  });

  test('while registering: the session is closed, and its error is nobody’s', async (t) => {
    const kept = keep(t);
    const { made, registered } = await kept.attach();
    kept.abort.abort();
    assert.equal(made.closes, 1);
    registered.reject(new SallyportError('NAME_TAKEN', 'service web: taken'));
    await kept.ended();
    assert.deepEqual(kept.losses, []);
  });

  test('while attached: the session is closed, and it ends', async (t) => {
    const kept = keep(t);
    const { made, registered } = await kept.attach();
    registered.resolve();
    kept.abort.abort();
    await kept.ended();
    assert.deepEqual([made.closes, kept.losses.length], [1, 0]);
  });

  test('in a pause: it ends at once', async (t) => {
    const kept = keep(t);
    (await kept.dial(1)).reject(unreachable());
    await until('the pause begins', () => kept.losses.length === 1);
    const began = performance.now();
    kept.abort.abort();
    await kept.ended();
    assert.ok(performance.now() - began < 0.75 * PAUSE_MS);
    assert.equal(kept.dials.length, 1);
  });
});
