/** What every link promises, as one suite: a file for each implementation runs it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { SallyportError } from '../../src/errors.ts';
import { HEADROOM, type Slab } from '../../src/net/slab.ts';
import type { Link, LinkReceiver } from '../../src/transport/link.ts';
import { Pattern } from '../support/pattern.ts';
import { until, within } from '../support/wait.ts';

export interface LinkPair {
  readonly dialled: Link;
  readonly accepted: Link;
  /** The dialled end stops reading, as if its process did not get to it; and goes on. */
  stall(): void;
  heal(): void;
  /** Breaks the carrier under both. */
  cut(): void;
  /** Slabs that somebody holds. */
  slabsOut(): number;
}

/** Where a payload may start: the link writes its own header into the bytes before. */
const START = HEADROOM - 12;
const LIMIT_MS = 10_000;

/** Checks what arrives, holds some slabs for a while, and overwrites the others at once. */
class Receiver implements LinkReceiver {
  received = 0;
  readonly closings: (SallyportError | null)[] = [];
  readonly close = Promise.withResolvers<SallyportError | null>();
  #pattern: Pattern;
  #calls = 0;

  constructor(seed: number) {
    this.#pattern = new Pattern(seed);
  }

  bytes(slab: Slab, start: number, end: number): void {
    assert.equal(this.closings.length, 0, 'bytes after closed');
    const position = this.received;
    assert.ok(this.#pattern.holds(slab.bytes, start, end, position), `bytes from ${position}`);
    this.received += end - start;
    if (slab.shared || this.#calls++ % 3 > 0) {
      slab.bytes.fill(0xee, start, end);
      return;
    }
    slab.retain();
    setImmediate(() => {
      assert.ok(this.#pattern.holds(slab.bytes, start, end, position), 'retained bytes changed');
      slab.release();
    });
  }

  closed(error: SallyportError | null): void {
    this.closings.push(error);
    this.close.resolve(error);
  }

  has(total: number): Promise<number> {
    return until(`${total} bytes have arrived`, () => this.received >= total, LIMIT_MS);
  }
}

function receive(link: Link, seed: number): Receiver {
  const receiver = new Receiver(seed);
  link.receive(receiver);
  return receiver;
}

/**
 * Sends the pattern in pieces of every size, some as pairs, and overwrites each buffer as soon as it
 * is free by the contract. Several pieces may wait at once.
 */
async function sendPattern(link: Link, seed: number, total: number, ahead = 4): Promise<void> {
  const pattern = new Pattern(seed);
  const waiting: Promise<void>[] = [];
  for (let sent = 0, round = 1; sent < total; round++) {
    const n = Math.min(total - sent, round % 4 === 0 ? round % 200 : (round * 9_973) % 200_000);
    const inHead = round % 3 === 0 ? Math.min(n, 100) : n;
    const head = Buffer.alloc(START + inHead);
    pattern.fill(head, START, head.length, sent);
    const body = pattern.bytes(sent + inHead, n - inHead);
    sent += n;
    const free =
      round % 3 === 0
        ? link.sendPair(head, START, head.length, body)
        : link.send(head, START, head.length);
    const overwrite = (): void => void (head.fill(0xdd), body.fill(0xdd));
    if (free) {
      overwrite();
      continue;
    }
    const left = new Promise<void>((done) => link.afterSends(done)).then(overwrite);
    waiting.push(left);
    if (waiting.length > ahead) await waiting.shift();
  }
  await Promise.all(waiting);
}

/** Runs the suite. `makePair` gives two fresh ends; what it opens ends with the test. */
export function linkConformance(
  name: string,
  makePair: (t: TestContext) => Promise<LinkPair>,
): void {
  describe(`link: ${name}`, () => {
    const slabsBack = (pair: LinkPair): Promise<number> =>
      until('all slabs are back', () => pair.slabsOut() === 0);

    test('bytes arrive exactly once and in order, both ways at once', async (t) => {
      const pair = await makePair(t);
      const total = 5_000_000;
      const near = receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      await within(
        LIMIT_MS,
        Promise.all([sendPattern(pair.accepted, 1, total), sendPattern(pair.dialled, 2, total)]),
      );
      await Promise.all([near.has(total), far.has(total)]);
      pair.dialled.close(null);
      assert.equal(await within(LIMIT_MS, far.close.promise), null);
      assert.equal(near.received, total);
      assert.equal(far.received, total);
      await slabsBack(pair);
    });

    test('thousands of tiny sends arrive as what they were', async (t) => {
      const pair = await makePair(t);
      receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      const pattern = new Pattern(2);
      for (let at = 0; at < 5_000; at += 3) {
        const bytes = Buffer.alloc(START + 3);
        pattern.fill(bytes, START, bytes.length, at);
        pair.dialled.send(bytes, START, bytes.length);
      }
      await far.has(5_001);
      assert.equal(far.received, 5_001);
    });

    test('delivery goes on while sends are blocked', async (t) => {
      const pair = await makePair(t);
      const near = receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      pair.stall();
      const blocked = sendPattern(pair.accepted, 1, 20_000_000, 1_000);
      await until('the link is full', () => pair.accepted.backlog > 0);
      await sendPattern(pair.dialled, 2, 2_000_000);
      await far.has(2_000_000);
      assert.ok(pair.accepted.backlog > 0, 'still blocked');
      pair.heal();
      await within(LIMIT_MS, blocked);
      await near.has(20_000_000);
      assert.equal(pair.accepted.backlog, 0);
    });

    test('afterSends calls back in order', async (t) => {
      const pair = await makePair(t);
      receive(pair.dialled, 1);
      receive(pair.accepted, 2);
      const called: number[] = [];
      const last = new Promise<void>((done) => {
        for (let i = 0; i < 5; i++) {
          const piece = Buffer.alloc(START + 300_000);
          new Pattern(1).fill(piece, START, piece.length, i * 300_000);
          pair.accepted.send(piece, START, piece.length);
          pair.accepted.afterSends(() => {
            if (called.push(i) === 5) done();
          });
        }
      });
      await within(LIMIT_MS, last);
      assert.deepEqual(called, [0, 1, 2, 3, 4]);
    });

    test('a close in order: everything sent before arrives, then null, once, on both ends', async (t) => {
      const pair = await makePair(t);
      const near = receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      const sent = sendPattern(pair.accepted, 1, 3_000_000, 1_000);
      pair.accepted.close(null);
      assert.equal(await within(LIMIT_MS, near.close.promise), null);
      assert.equal(near.received, 3_000_000);
      await within(LIMIT_MS, sent);
      await slabsBack(pair);
      assert.deepEqual([near.closings, far.closings], [[null], [null]]);
    });

    for (const from of ['dialled', 'accepted'] as const) {
      test(`a close by the ${from} end carries its error across`, async (t) => {
        const pair = await makePair(t);
        const to = from === 'dialled' ? 'accepted' : 'dialled';
        const own = receive(pair[from], 1);
        const other = receive(pair[to], 2);
        const error = new SallyportError('REPLACED', `session: ${'é'.repeat(200)}`);
        pair[from].close(error);
        const told = await within(LIMIT_MS, other.close.promise);
        assert.equal(told?.code, 'REPLACED');
        assert.ok(error.message.startsWith(told.message) && told.message.length > 40, told.message);
        pair[from].close(null);
        await slabsBack(pair);
        assert.deepEqual(own.closings, [error]);
        assert.equal(other.closings.length, 1);
      });
    }

    test('both ends may close at once', async (t) => {
      const pair = await makePair(t);
      const near = receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      pair.dialled.close(null);
      pair.accepted.close(null);
      await slabsBack(pair);
      assert.deepEqual([near.closings, far.closings], [[null], [null]]);
    });

    test('the end of the carrier is LINK_LOST, once, and blocked sends are let go', async (t) => {
      const pair = await makePair(t);
      const near = receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      pair.stall();
      const blocked = sendPattern(pair.accepted, 1, 20_000_000, 1_000);
      await until('the link is full', () => pair.accepted.backlog > 0);
      pair.cut();
      const closings = Promise.all([near.close.promise, far.close.promise]);
      for (const error of await within(LIMIT_MS, closings)) assert.equal(error?.code, 'LINK_LOST');
      await within(LIMIT_MS, blocked);
      await slabsBack(pair);
      assert.equal(near.closings.length, 1);
      assert.equal(far.closings.length, 1);
    });

    test('sends after the close are free at once and go nowhere', async (t) => {
      const pair = await makePair(t);
      receive(pair.dialled, 1);
      const far = receive(pair.accepted, 2);
      pair.dialled.close(null);
      const piece = Buffer.alloc(START + 100);
      assert.equal(pair.dialled.send(piece, START, piece.length), true);
      assert.equal(pair.dialled.sendPair(piece, START, piece.length, Buffer.alloc(10)), true);
      await within(LIMIT_MS, far.close.promise);
      assert.equal(far.received, 0);
    });
  });
}
