import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../errors.ts';
import { SERVICE_ABSENCE_MS } from '../limits.ts';
import type { Stream } from '../session/session.ts';
import { createServiceRegistry, type ServicePolicy } from './services.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from './upstream.ts';

const shared: ServicePolicy = { kind: 'http', exclusive: null, balance: 'round-robin' };
const least: ServicePolicy = { ...shared, balance: 'least-streams' };
const first: ServicePolicy = { ...shared, exclusive: 'first' };
const latest: ServicePolicy = { ...shared, exclusive: 'latest' };

const nobody: UpstreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
const request = (service: string): StreamRequest => ({
  service,
  kind: 'http',
  consumer: '192.0.2.1:1',
  id: 'x',
});

/** An upstream whose streams stay open, and which can fail. */
class Counting implements Upstream {
  readonly id: string;
  streams = 0;
  failure: SallyportError | null = null;

  constructor(id: string) {
    this.id = id;
  }

  open(): Stream {
    if (this.failure !== null) throw this.failure;
    this.streams++;
    return {} as Stream;
  }
}

const [a, b, c] = ['a', 'b', 'c'];
const upstreams = (...ids: string[]): Counting[] => ids.map((id) => new Counting(id));

function createRegistry(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const vanished: string[] = [];
  const left: string[] = [];
  const registry = createServiceRegistry({
    left: (service, { id }) => void left.push(`${service} ${id}`),
    vanished: (service) => void vanished.push(service),
  });
  const open = (service = 'web', tried: readonly Upstream[] = []): string =>
    registry.open(request(service), nobody, tried).upstream.id;
  return { registry, left, vanished, open, tick: (ms: number) => t.mock.timers.tick(ms) };
}

describe('the order of upstreams', () => {
  test('round-robin: each in turn, also after one has come or gone', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two, three] = upstreams(a, b, c);
    registry.join('web', one, shared);
    registry.join('web', two, shared);
    const turns = (n: number): string => Array.from({ length: n }, () => open()).join('');
    assert.match(turns(6), /^(ab){3}$|^(ba){3}$/);
    registry.join('web', three, shared);
    assert.match(turns(6), /^(abc|bca|cab){2}$/);
    registry.leave('web', two);
    assert.match(turns(4), /^(ac|ca){2}$/);
  });

  test('least-streams: the one with the fewest, whoever that is', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two, three] = upstreams(a, b, c);
    for (const upstream of [one, two, three]) registry.join('web', upstream, least);
    [one.streams, two.streams, three.streams] = [5, 2, 4];
    assert.equal(Array.from({ length: 4 }, () => open()).join(''), 'bbbc');
    assert.deepEqual([one.streams, two.streams, three.streams], [5, 5, 5]);
  });

  test('an upstream that can take none is passed over, in either order', (t) => {
    for (const policy of [shared, least]) {
      const { registry, open } = createRegistry(t);
      const [one, two] = upstreams(a, b);
      for (const upstream of [one, two]) registry.join('web', upstream, policy);
      one.failure = new SallyportError('SESSION_CLOSED', 'going away');
      assert.equal(Array.from({ length: 4 }, () => open()).join(''), 'bbbb');
      t.mock.timers.reset();
    }
  });

  test('when none can, the failure of the last one is the answer', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    for (const upstream of [one, two]) registry.join('web', upstream, shared);
    one.failure = two.failure = new SallyportError('TOO_MANY_STREAMS', 'full');
    assert.throws(() => open(), { code: 'TOO_MANY_STREAMS' });
  });

  test('those that were tried are left out; when all were, the stream is refused', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    for (const upstream of [one, two]) registry.join('web', upstream, shared);
    for (let turn = 0; turn < 4; turn++) assert.equal(open('web', [one]), 'b');
    assert.throws(() => open('web', [one, two]), { code: 'SERVER_BUSY' });
    assert.equal(open('web', [new Counting('of another service')]).length, 1);
  });

  test('whatever comes and goes, streams are opened on all that are there, and on no other', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 4 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom(shared, least), (changes, policy) => {
        const registry = createServiceRegistry({ vanished() {} });
        const there = new Set<Counting>();
        const all = upstreams('0', '1', '2', '3', '4');
        for (const [come, which] of changes) {
          const upstream = all[which];
          if (come === there.has(upstream)) continue;
          if (come) registry.join('s', upstream, policy);
          else registry.leave('s', upstream);
          if (come) there.add(upstream);
          else there.delete(upstream);
          for (const one of there) one.streams = 0;
          const used = new Set<Upstream>();
          for (let n = 0; n < 2 * there.size; n++) {
            used.add(registry.open(request('s'), nobody, []).upstream);
          }
          assert.deepEqual(used, there);
          assert.equal(registry.present('s'), there.size > 0);
        }
        registry.close();
      }),
    );
  });
});

describe('who may join', () => {
  test('exclusive first: the holder keeps the name, and gives it up by leaving', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    assert.equal(registry.join('web', one, first), null);
    assert.throws(() => registry.join('web', two, first), { code: 'NAME_TAKEN' });
    assert.equal(open(), 'a');
    registry.leave('web', one);
    assert.equal(registry.join('web', two, first), null);
    assert.equal(open(), 'b');
  });

  test('exclusive latest: the newcomer takes the name, and is told from whom', (t) => {
    const { registry, left, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    registry.join('web', one, latest);
    assert.equal(registry.join('web', two, latest), one);
    assert.deepEqual(left, ['web a']);
    assert.deepEqual([open(), open()], ['b', 'b']);
    registry.leave('web', one);
    assert.ok(registry.present('web'), 'the one that gave way takes nobody with it');
  });

  const conflicts: [string, ServicePolicy, ServicePolicy, RegExp][] = [
    ['another kind', shared, { ...shared, kind: 'tcp' }, /offers it as http, not tcp/],
    ['a takeover of a shared name', shared, latest, /is shared by its agents/],
    ['exclusiveness of a shared name', shared, first, /is shared by its agents/],
    ['a share of an exclusive name', latest, shared, /is held exclusively \(latest\)/],
    ['a takeover from a first holder', first, latest, /is held exclusively \(first\)/],
  ];
  for (const [name, held, asked, why] of conflicts) {
    test(`refused: ${name}; the holder stays`, (t) => {
      const { registry, open } = createRegistry(t);
      const [one, two] = upstreams(a, b);
      registry.join('web', one, held);
      const taken = { code: 'NAME_TAKEN', message: why };
      assert.throws(() => registry.check('web', asked), taken);
      assert.throws(() => registry.join('web', two, asked), taken);
      assert.deepEqual([open(), open()], ['a', 'a']);
    });
  }

  test('check lets pass what join would take, and changes nothing', (t) => {
    const { registry, open } = createRegistry(t);
    const [one] = upstreams(a);
    registry.check('web', first);
    assert.throws(() => open(), { code: 'SERVICE_UNKNOWN' });
    registry.join('web', one, latest);
    registry.check('web', latest);
    assert.equal(open(), 'a');
    registry.leave('web', one);
    registry.check('web', shared);
    assert.throws(() => open(), { code: 'SERVICE_ABSENT' });
  });

  test('balancing is no conflict: the first agent’s wish counts', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    registry.join('web', one, least);
    registry.join('web', two, shared);
    one.streams = 3;
    assert.equal(Array.from({ length: 3 }, () => open()).join(''), 'bbb');
  });

  test('a name whose last holder is gone is open to any policy', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    registry.join('web', one, first);
    registry.leave('web', one);
    registry.join('web', two, { kind: 'tcp', exclusive: null, balance: 'round-robin' });
    assert.equal(open(), 'b');
  });
});

describe('absence', () => {
  test('an upstream that left gets nothing from that moment on', (t) => {
    const { registry, open } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    for (const upstream of [one, two]) registry.join('web', upstream, shared);
    registry.leave('web', one);
    assert.equal(Array.from({ length: 4 }, () => open()).join(''), 'bbbb');
    assert.equal(one.streams, 0);
  });

  test('after the last one left, the service is absent for a while, then unknown', (t) => {
    const { registry, vanished, open, tick } = createRegistry(t);
    const [one] = upstreams(a);
    assert.throws(() => open(), { code: 'SERVICE_UNKNOWN' });
    registry.join('web', one, shared);
    assert.ok(registry.present('web'));
    registry.leave('web', one);
    assert.ok(!registry.present('web'));
    tick(SERVICE_ABSENCE_MS - 1);
    assert.throws(() => open(), { code: 'SERVICE_ABSENT' });
    assert.deepEqual(vanished, []);
    tick(1);
    assert.throws(() => open(), { code: 'SERVICE_UNKNOWN' });
    assert.deepEqual(vanished, ['web']);
  });

  test('one that comes back in time ends the absence; the next one is counted anew', (t) => {
    const { registry, vanished, open, tick } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    registry.join('web', one, shared);
    registry.leave('web', one);
    tick(SERVICE_ABSENCE_MS - 1);
    registry.join('web', two, shared);
    tick(SERVICE_ABSENCE_MS);
    assert.equal(open(), 'b');
    registry.leave('web', two);
    tick(SERVICE_ABSENCE_MS - 1);
    assert.deepEqual(vanished, []);
    tick(1);
    assert.deepEqual(vanished, ['web']);
  });

  test('forget: the last one takes the service with it at once, an earlier one does not', (t) => {
    const { registry, left, vanished, open, tick } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    for (const upstream of [one, two]) registry.join('web', upstream, shared);
    registry.forget('web', one);
    assert.deepEqual([open(), vanished.length], ['b', 0]);
    registry.forget('web', two);
    assert.deepEqual(left, ['web a', 'web b']);
    assert.throws(() => open(), { code: 'SERVICE_UNKNOWN' });
    assert.deepEqual(vanished, ['web']);
    tick(SERVICE_ABSENCE_MS);
    assert.deepEqual(vanished, ['web'], 'once');
  });

  test('those that were never there, or are gone, change nothing', (t) => {
    const { registry, left, vanished, open, tick } = createRegistry(t);
    const [one, two] = upstreams(a, b);
    registry.leave('web', one);
    registry.forget('web', one);
    registry.join('web', one, shared);
    registry.leave('web', two);
    registry.forget('web', two);
    tick(SERVICE_ABSENCE_MS);
    assert.deepEqual([open(), vanished.length], ['a', 0]);
    registry.leave('web', one);
    tick(SERVICE_ABSENCE_MS / 2);
    registry.leave('web', one);
    registry.forget('web', one);
    tick(SERVICE_ABSENCE_MS / 2);
    assert.deepEqual(vanished, ['web'], 'the absence was not prolonged, nor cut short');
    assert.deepEqual(left, ['web a']);
  });

  test('closed: no timer is left, and nothing vanishes any more', (t) => {
    const { registry, vanished, tick } = createRegistry(t);
    const [one] = upstreams(a);
    registry.join('web', one, shared);
    registry.leave('web', one);
    registry.close();
    tick(SERVICE_ABSENCE_MS);
    assert.deepEqual(vanished, []);
  });
});
