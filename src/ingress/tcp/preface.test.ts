import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { until } from '../../../test/support/wait.ts';
import { SallyportError } from '../../errors.ts';
import { PREFACES_MAX } from '../../limits.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire, type WireReader } from '../../net/wire.ts';
import { Prefaces, type PrefaceKind } from './preface.ts';

/** A word up to a full stop. */
const word: PrefaceKind<string> = {
  name: 'word',
  maxBytes: 64,
  timeoutMs: 1_000,
  parse(bytes) {
    if (bytes.includes('!')) throw new SallyportError('REQUEST_INVALID', 'word: not so loud');
    const stop = bytes.indexOf('.');
    return stop === -1 ? null : bytes.toString('latin1', 0, stop);
  },
  consumed: (value) => value.length + 1,
};

const pool = new SlabPool(1024);

class Rest implements WireReader {
  text = '';

  read(slab: { bytes: Buffer }, start: number, end: number): boolean {
    assert.ok(end > start, 'never called for nothing');
    this.text += slab.bytes.toString('latin1', start, end);
    // Readers may overwrite what they were given.
    slab.bytes.fill(0xee, 0, end);
    return true;
  }

  ended(): void {}

  closed(): void {}
}

interface Told {
  readonly far: Duplex;
  readonly rest: Rest;
  /** What was told, in order. */
  readonly events: (string | null)[];
}

function awaitWord(prefaces: Prefaces, kind = word): Told {
  const [near, far] = duplexPair();
  const rest = new Rest();
  const events: (string | null)[] = [];
  const wire = Wire.fromEvents(near, pool, rest);
  far.on('error', () => {});
  prefaces.await(wire, kind, {
    complete(value) {
      events.push(value);
      return rest;
    },
    failed: (error) => void events.push(error?.code ?? null),
  });
  return { far, rest, events };
}

function prefacesOf(t: TestContext): Prefaces {
  const prefaces = new Prefaces();
  t.after(() => prefaces.close());
  return prefaces;
}

test('whatever the pieces, the next reader gets what follows, once and in order', async (t) => {
  const prefaces = prefacesOf(t);
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 });
  const cuts = fc.array(fc.nat(60), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(letters, letters, cuts, async (first, follows, at) => {
      const { far, rest, events } = awaitWord(prefaces);
      const text = `${first}.${follows}`;
      const borders = [
        0,
        ...at.filter((n) => n < text.length).toSorted((a, b) => a - b),
        text.length,
      ];
      for (let i = 1; i < borders.length; i++) {
        const piece = text.slice(borders[i - 1], borders[i]);
        if (piece !== '') await new Promise((sent) => far.write(piece, sent));
      }
      await until(
        'all of it is read',
        () => events.length === 1 && rest.text.length === follows.length,
      );
      assert.deepEqual([events, rest.text], [[first], follows]);
      far.destroy();
    }),
    { numRuns: 50 },
  );
  assert.deepEqual([prefaces.size, pool.out], [0, 0]);
});

test('attack: more than it may have is refused, and what is kept is bounded', async (t) => {
  const { far, events } = awaitWord(prefacesOf(t));
  for (let i = 0; i < word.maxBytes; i++) far.write('x');
  await until('it is refused', () => events.length > 0);
  assert.deepEqual(events, ['REQUEST_INVALID']);
});

test('a connection that ends within it is broken off; one that never began is told apart', async (t) => {
  const prefaces = prefacesOf(t);
  const silent = awaitWord(prefaces);
  silent.far.end();
  const cut = awaitWord(prefaces);
  cut.far.end('ab');
  const gone = awaitWord(prefaces);
  gone.far.destroy();
  await until('all are told', () => [silent, cut, gone].every(({ events }) => events.length === 1));
  assert.deepEqual([silent.events, cut.events, gone.events], [[null], ['REQUEST_INVALID'], [null]]);
  assert.equal(prefaces.size, 0);
});

test('a refusal of the parser is told once', async (t) => {
  const { far, events } = awaitWord(prefacesOf(t));
  far.write('a!');
  await until('it is refused', () => events.length > 0);
  far.write('more.');
  await new Promise((seen) => setImmediate(seen));
  assert.deepEqual(events, ['REQUEST_INVALID']);
});

test('attack: when too many wait, the longest waiting gives way and a newcomer is served', async (t) => {
  const prefaces = prefacesOf(t);
  const waiting = Array.from({ length: PREFACES_MAX }, () => awaitWord(prefaces));
  assert.deepEqual(waiting[0].events, []);
  const newcomer = awaitWord(prefaces);
  assert.deepEqual(waiting[0].events, ['SERVER_BUSY']);
  assert.deepEqual(waiting[1].events, []);
  assert.equal(prefaces.size, PREFACES_MAX);
  newcomer.far.write('hello.');
  await until('it is read', () => newcomer.events.length > 0);
  assert.deepEqual(newcomer.events, ['hello']);
});

test('a new deadline runs for each kind, and none is left behind', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const prefaces = prefacesOf(t);
  const { events } = awaitWord(prefaces);
  const patient = awaitWord(prefaces, { ...word, timeoutMs: 5_000 });
  t.mock.timers.tick(999);
  assert.deepEqual(events, []);
  t.mock.timers.tick(1);
  assert.deepEqual([events, patient.events], [['REQUEST_TIMEOUT'], []]);
  t.mock.timers.tick(4_000);
  assert.deepEqual(patient.events, ['REQUEST_TIMEOUT']);
  t.mock.timers.tick(10_000);
  assert.deepEqual([events.length, patient.events.length], [1, 1]);
});
