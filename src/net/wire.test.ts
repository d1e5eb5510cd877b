import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { Pattern } from '../../test/support/pattern.ts';
import { until, within } from '../../test/support/wait.ts';
import { connectWires, wireKinds, type WirePair } from '../../test/support/wires.ts';
import { CLOSE_FLUSH_MS, SLABS_OUT_MAX_BYTES } from '../limits.ts';
import { HEADROOM, SlabPool, type Slab } from './slab.ts';
import { Wire, type WireReader } from './wire.ts';

/** Reads a pattern, checks every byte, and does to slabs all that a reader may do. */
class PatternReader implements WireReader {
  received = 0;
  closings: (Error | null)[] = [];
  readonly end = Promise.withResolvers<void>();
  readonly close = Promise.withResolvers<void>();
  #pattern: Pattern;
  #wire: Wire;
  #reads = 0;

  constructor(wire: Wire, seed: number) {
    this.#pattern = new Pattern(seed);
    this.#wire = wire;
    wire.reader = this;
  }

  read(slab: Slab, start: number, end: number): boolean {
    const position = this.received;
    assert.ok(start >= HEADROOM && end > start && end <= slab.bytes.length);
    assert.ok(this.#pattern.holds(slab.bytes, start, end, position), `bytes from ${position}`);
    this.received += end - start;
    const what = this.#reads++ % 5;
    if (what === 0 && !slab.shared) this.#keep(slab, start, end, position);
    else slab.bytes.fill(0xee, 0, end);
    if (what !== 1) return true;
    setImmediate(() => this.#wire.resume());
    return false;
  }

  /** Holds the slab for a while: its bytes must stay what they are. */
  #keep(slab: Slab, start: number, end: number, position: number): void {
    slab.retain();
    setImmediate(() => {
      assert.ok(this.#pattern.holds(slab.bytes, start, end, position), 'retained bytes changed');
      slab.release();
    });
  }

  ended(): void {
    assert.equal(this.closings.length, 0, 'ended after closed');
    this.end.resolve();
  }

  closed(error: Error | null): void {
    this.closings.push(error);
    this.close.resolve();
  }
}

/** Writes the pattern in pieces of every size; overwrites each piece as soon as it is free. */
async function writePattern(wire: Wire, seed: number, total: number): Promise<void> {
  const pattern = new Pattern(seed);
  for (let sent = 0, round = 1; sent < total; round++) {
    const n = Math.min(total - sent, (round * 7_777) % 150_000);
    const piece = pattern.bytes(sent, n);
    const cut = round % 3 === 0 ? n >> 1 : 0;
    const free =
      cut === 0 ? wire.write(piece) : wire.writePair(piece.subarray(0, cut), piece.subarray(cut));
    if (!free) await new Promise<void>((done) => wire.afterWrites(done));
    piece.fill(0xdd);
    sent += n;
  }
}

const settled = (pair: WirePair): Promise<number> =>
  until('all slabs are back', () => pair.pool.out === 0);

for (const kind of wireKinds) {
  describe(`wires, ${kind}`, () => {
    test('bytes arrive in order both ways at once, through pauses and retained slabs', async (t) => {
      const pair = await connectWires(t, kind);
      const total = 6_000_000;
      const near = new PatternReader(pair.dialled, 1);
      const far = new PatternReader(pair.accepted, 2);
      await Promise.all([
        writePattern(pair.accepted, 1, total).then(() => pair.accepted.end()),
        writePattern(pair.dialled, 2, total).then(() => pair.dialled.end()),
      ]);
      await within(10_000, Promise.all([near.end.promise, far.end.promise]), 'both ends');
      assert.equal(near.received, total);
      assert.equal(far.received, total);
      await within(5_000, Promise.all([near.close.promise, far.close.promise]), 'both closings');
      assert.deepEqual([near.closings, far.closings], [[null], [null]]);
      await settled(pair);
    });

    test('half-close: a late answer still comes after our end', async (t) => {
      const pair = await connectWires(t, kind);
      const near = new PatternReader(pair.dialled, 1);
      const far = new PatternReader(pair.accepted, 2);
      pair.dialled.end();
      await within(5_000, far.end.promise);
      await writePattern(pair.accepted, 1, 300_000);
      pair.accepted.end();
      await within(5_000, near.end.promise);
      assert.equal(near.received, 300_000);
      await within(5_000, Promise.all([near.close.promise, far.close.promise]));
      await settled(pair);
    });

    test('a destroyed wire says so once on both ends, with the error it was given', async (t) => {
      const pair = await connectWires(t, kind);
      const near = new PatternReader(pair.dialled, 1);
      const far = new PatternReader(pair.accepted, 2);
      await writePattern(pair.accepted, 1, 500_000);
      const why = new Error('enough');
      pair.dialled.destroy(why);
      await within(5_000, near.close.promise);
      assert.deepEqual(near.closings, [why]);
      pair.dialled.resume();
      pair.dialled.endAndDestroy();
      pair.accepted.write(Buffer.alloc(10));
      await within(5_000, Promise.race([far.close.promise, far.end.promise]));
      pair.accepted.destroy();
      await within(5_000, far.close.promise);
      assert.equal(far.closings.length, 1);
      await settled(pair);
    });

    test('afterWrites calls back also when the bytes can no longer leave', async (t) => {
      const pair = await connectWires(t, kind);
      pair.accepted.socket.pause();
      while (pair.dialled.write(Buffer.alloc(1_000_000)));
      assert.ok(pair.dialled.backlog > 0);
      const called = new Promise<void>((done) => pair.dialled.afterWrites(done));
      pair.dialled.destroy();
      await within(5_000, called);
    });

    test('endAndDestroy sends all that was written first', async (t) => {
      const pair = await connectWires(t, kind);
      const near = new PatternReader(pair.dialled, 1);
      const far = new PatternReader(pair.accepted, 2);
      pair.accepted.write(new Pattern(1).bytes(0, 4_000_000));
      pair.accepted.endAndDestroy();
      await within(5_000, near.end.promise);
      assert.equal(near.received, 4_000_000);
      pair.dialled.end();
      await within(1_000, Promise.all([near.close.promise, far.close.promise]));
      await settled(pair);
    });

    test('endAndDestroy: what a peer had sent meanwhile does not break the last bytes off', async (t) => {
      const pair = await connectWires(t, kind);
      const near = new PatternReader(pair.dialled, 1);
      const paused = Promise.withResolvers<void>();
      const stop = (): boolean => (paused.resolve(), false);
      pair.accepted.reader = { read: stop, ended() {}, closed() {} };
      pair.dialled.write(Buffer.alloc(100_000));
      await within(5_000, paused.promise);
      pair.dialled.socket.pause();
      const sent = once(pair.accepted.socket, 'finish');
      pair.accepted.write(new Pattern(1).bytes(0, 50_000));
      pair.accepted.endAndDestroy();
      await within(5_000, sent);
      await new Promise((turn) => setImmediate(turn));
      pair.dialled.write(Buffer.alloc(1_000)); // it does not know yet
      pair.dialled.resume();
      await within(5_000, near.end.promise, 'the end, not a reset');
      assert.equal(near.received, 50_000);
      assert.deepEqual(near.closings, []);
    });
  });
}

test('a peer that never reads holds a closing wire no longer than CLOSE_FLUSH_MS', async (t) => {
  const pair = await connectWires(t, 'onread');
  const near = new PatternReader(pair.dialled, 1);
  pair.accepted.socket.pause();
  while (pair.dialled.write(Buffer.alloc(1_000_000)));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  pair.dialled.endAndDestroy();
  t.mock.timers.tick(CLOSE_FLUSH_MS - 1);
  assert.equal(pair.dialled.destroyed, false);
  t.mock.timers.tick(1);
  assert.equal(pair.dialled.destroyed, true);
  t.mock.timers.reset();
  await within(5_000, near.close.promise);
});

test('when no slab is to be had, reading goes on through the shared buffer', async (t) => {
  const size = 1024 * 1024;
  const pool = new SlabPool(size);
  const all = Array.from({ length: SLABS_OUT_MAX_BYTES / size }, () => pool.take());
  const pair = await connectWires(t, 'onread', pool);
  const near = new PatternReader(pair.dialled, 1);
  await writePattern(pair.accepted, 1, 3_000_000);
  pair.accepted.end();
  await within(5_000, near.end.promise);
  assert.equal(near.received, 3_000_000);
  assert.equal(pool.out, all.length);
  for (const slab of all) slab.release();
});

test('the server still counts an accepted wire and closes only after it', async (t) => {
  const pair = await connectWires(t, 'onread');
  const far = new PatternReader(pair.accepted, 1);
  let closed = false;
  pair.server.close(() => (closed = true));
  pair.dialled.write(new Pattern(1).bytes(0, 10));
  await until('the bytes are there', () => far.received === 10);
  assert.equal(closed, false);
  pair.accepted.destroy();
  await within(5_000, once(pair.server, 'close'));
});

describe('wires on any Duplex', () => {
  function fallback(t: TestContext): { far: Duplex; near: PatternReader; pool: SlabPool } {
    const [far, duplex] = duplexPair();
    const pool = new SlabPool(4_096);
    const wire = Wire.fromEvents(duplex, pool, { read: () => true, ended() {}, closed() {} });
    t.after(() => wire.destroy());
    return { far, near: new PatternReader(wire, 1), pool };
  }

  test('a chunk larger than a slab and an end behind it wait for a reader that pauses', async (t) => {
    const { far, near, pool } = fallback(t);
    far.end(new Pattern(1).bytes(0, 200_000));
    await within(5_000, near.end.promise);
    assert.equal(near.received, 200_000, 'all bytes before the end');
    await until('all slabs are back', () => pool.out === 0);
  });

  test('a breaking Duplex closes with its error', async (t) => {
    const { far, near } = fallback(t);
    far.on('error', () => {});
    far.write(new Pattern(1).bytes(0, 1_000));
    await until('the bytes are there', () => near.received === 1_000);
    far.destroy();
    await within(5_000, Promise.race([near.close.promise, near.end.promise]));
  });
});

test('an accepted socket without a handle is refused the fast road, not broken', () => {
  const pool = new SlabPool(64);
  const socket = new net.Socket();
  const wire = Wire.accept(socket, pool, { read: () => true, ended() {}, closed() {} });
  assert.equal(wire.socket, socket);
  wire.destroy();
});
