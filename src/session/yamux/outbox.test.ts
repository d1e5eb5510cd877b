import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { HEADROOM, SlabPool } from '../../net/slab.ts';
import {
  LINK_BACKLOG_HIGH_BYTES,
  LOCAL_SLAB_BYTES,
  QUIET_READ_BYTES,
  STAGING_BYTES,
} from '../../limits.ts';
import type { Link } from '../../transport/link.ts';
import { TYPE_DATA, TYPE_PING, TYPE_WINDOW } from './frame.ts';
import { Outbox, gatheringOut } from './outbox.ts';

/** A link whose kernel takes everything, or nothing until `leave()`. */
class ScriptedLink implements Link {
  sent: Buffer[] = [];
  backlog = 0;
  blocked = false;
  #after: (() => void)[] = [];

  send(bytes: Buffer, start: number, end: number): boolean {
    bytes.fill(0xaa, start - 20, start); // it may write its own header there
    this.sent.push(Buffer.from(bytes.subarray(start, end)));
    if (this.blocked) this.backlog += end - start;
    return !this.blocked;
  }

  sendPair(head: Buffer, start: number, end: number, body: Buffer): boolean {
    this.sent.push(Buffer.concat([head.subarray(start, end), body]));
    if (this.blocked) this.backlog += end - start + body.length;
    return !this.blocked;
  }

  afterSends(done: () => void): void {
    this.#after.push(done);
  }

  /** Everything leaves, but for `rest` bytes. */
  leave(rest = 0): void {
    this.backlog = rest;
    for (const done of this.#after.splice(0)) done();
  }

  receive(): void {}
  close(): void {}
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const pool = new SlabPool(1_024);
let link: ScriptedLink;
let outbox: Outbox;
beforeEach(() => {
  link = new ScriptedLink();
  outbox = new Outbox(link);
});

/** type, id, length of each frame that was sent. */
function frames(): number[][] {
  const bytes = Buffer.concat(link.sent);
  const found: number[][] = [];
  for (let at = 0; at < bytes.length;) {
    const [type, id, length] = [
      bytes[at + 1],
      bytes.readUInt32BE(at + 4),
      bytes.readUInt32BE(at + 8),
    ];
    found.push([type, id, length]);
    at += 12 + (type === TYPE_DATA ? length : 0);
  }
  return found;
}

describe('gathering', () => {
  test('what is sent within one turn leaves together, in order', async () => {
    outbox.header(TYPE_WINDOW, 1, 3, 0);
    outbox.copy(3, Buffer.from('abc'), 0, 3);
    outbox.answer(TYPE_PING, 2, 0, 7);
    assert.equal(link.sent.length, 0);
    await turn();
    assert.equal(link.sent.length, 1);
    assert.deepEqual(frames(), [
      [TYPE_WINDOW, 3, 0],
      [TYPE_DATA, 3, 3],
      [TYPE_PING, 0, 7],
    ]);
    assert.equal(gatheringOut(), 0);
  });

  test('a full buffer leaves at once', () => {
    const payload = Buffer.alloc(QUIET_READ_BYTES);
    for (let i = 0; i * QUIET_READ_BYTES < STAGING_BYTES; i++)
      outbox.copy(1, payload, 0, payload.length);
    assert.ok(link.sent.length > 0);
    assert.equal(gatheringOut(), 0);
  });

  test('never more than fits, whatever is mixed', async () => {
    const payload = Buffer.alloc(QUIET_READ_BYTES);
    for (let i = 0; i < 20_000; i++) {
      if (i % 7 === 0) outbox.copy(i, payload, 0, (i * 37) % (QUIET_READ_BYTES + 1));
      else outbox.header(TYPE_WINDOW, 0, i, i);
    }
    await turn();
    assert.deepEqual(
      frames().map(([, id]) => id),
      Array.from({ length: 20_000 }, (_, i) => i),
    );
    assert.equal(gatheringOut(), 0);
  });
});

describe('payloads where they stand', () => {
  test('in place: the header goes before the payload, behind what was gathered', async () => {
    const slab = pool.take();
    slab.bytes.fill(5);
    outbox.header(TYPE_WINDOW, 0, 9, 1);
    outbox.inPlace(3, slab, HEADROOM, HEADROOM + 100);
    assert.deepEqual(frames(), [
      [TYPE_WINDOW, 9, 1],
      [TYPE_DATA, 3, 100],
    ]);
    slab.release();
    await turn();
    assert.equal(pool.out + gatheringOut(), 0);
  });

  test('by reference: nothing before the payload is touched, and both leave with one send', async () => {
    const slab = pool.take();
    slab.bytes.fill(5);
    outbox.header(TYPE_WINDOW, 0, 9, 1);
    outbox.byReference(3, slab, HEADROOM, HEADROOM + 100);
    assert.equal(link.sent.length, 1);
    assert.deepEqual(frames(), [
      [TYPE_WINDOW, 9, 1],
      [TYPE_DATA, 3, 100],
    ]);
    assert.ok(slab.bytes.subarray(0, HEADROOM).every((byte) => byte === 5));
    slab.release();
    await turn();
    assert.equal(pool.out + gatheringOut(), 0);
  });

  test('what the kernel did not take is held until it has', async () => {
    link.blocked = true;
    const slab = pool.take();
    const other = pool.take();
    outbox.inPlace(3, slab, HEADROOM, HEADROOM + 100);
    outbox.byReference(3, other, HEADROOM, HEADROOM + 100);
    outbox.header(TYPE_WINDOW, 0, 9, 1);
    await turn();
    slab.release();
    other.release();
    assert.equal(pool.out, 2);
    assert.equal(gatheringOut(), 2);
    link.leave();
    assert.equal(pool.out + gatheringOut(), 0);
  });
});

describe('answers', () => {
  test('count until they have left', async () => {
    link.blocked = true;
    for (let i = 0; i < 100; i++) outbox.answer(TYPE_PING, 2, 0, i);
    outbox.header(TYPE_WINDOW, 0, 3, 1);
    assert.equal(outbox.answersUnsent, 100);
    await turn();
    assert.equal(outbox.answersUnsent, 100);
    const slab = pool.take();
    outbox.answer(TYPE_PING, 2, 0, 100);
    outbox.byReference(3, slab, HEADROOM, HEADROOM + 100);
    slab.release();
    assert.equal(outbox.answersUnsent, 101);
    link.leave();
    assert.equal(outbox.answersUnsent, 0);
  });

  test('do not count once the kernel has them', async () => {
    outbox.answer(TYPE_PING, 2, 0, 1);
    await turn();
    assert.equal(outbox.answersUnsent, 0);
  });
});

describe('waiting for room', () => {
  const woken: number[] = [];
  const waiter = (id: number) => ({ linkReady: () => void woken.push(id) });
  beforeEach(() => void woken.splice(0));

  test('writers wake in turn, no more at once than there is room for', () => {
    for (let i = 0; i < 100; i++) outbox.wait(waiter(i));
    link.leave();
    const room = Math.ceil(LINK_BACKLOG_HIGH_BYTES / LOCAL_SLAB_BYTES);
    assert.deepEqual(
      woken,
      Array.from({ length: room }, (_, i) => i),
    );
    for (let i = 0; i < 100; i++) link.leave();
    assert.deepEqual(
      woken,
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  test('nobody wakes while the backlog is high', () => {
    outbox.wait(waiter(1));
    link.leave(LINK_BACKLOG_HIGH_BYTES);
    assert.deepEqual(woken, []);
    link.leave();
    assert.deepEqual(woken, [1]);
  });

  test('one that waits again while it is woken goes to the end', () => {
    let turns = 0;
    const again = {
      linkReady() {
        woken.push(turns++);
        if (turns < 5) outbox.wait(again);
      },
    };
    outbox.wait(again);
    outbox.wait(waiter(99));
    link.leave();
    assert.deepEqual(woken, [0, 99]);
    for (let i = 0; i < 10; i++) link.leave();
    assert.deepEqual(woken, [0, 99, 1, 2, 3, 4]);
  });

  test('after the close nobody wakes and nothing is sent', async () => {
    outbox.wait(waiter(1));
    outbox.header(TYPE_WINDOW, 0, 3, 1);
    outbox.close();
    assert.equal(link.sent.length, 1);
    outbox.header(TYPE_WINDOW, 0, 3, 1);
    link.leave();
    await turn();
    assert.deepEqual([woken, link.sent.length, gatheringOut()], [[], 1, 0]);
  });
});
