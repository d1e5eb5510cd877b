import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { INITIAL_WINDOW_BYTES, SLABS_OUT_MAX_BYTES } from '../../limits.ts';
import { HEADROOM, SlabPool, type Slab } from '../../net/slab.ts';
import type { Link } from '../../transport/link.ts';
import type { StreamReceiver } from '../session.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { Outbox } from './outbox.ts';
import { YamuxStream, type StreamHome } from './stream.ts';

/** A link whose kernel takes everything. */
const sent: Buffer[] = [];
const link: Link = {
  backlog: 0,
  send: (bytes, start, end) => sent.push(Buffer.from(bytes.subarray(start, end))) > 0,
  sendPair: (head, start, end, body) =>
    sent.push(Buffer.concat([head.subarray(start, end), body])) > 0,
  afterSends() {},
  receive() {},
  close() {},
};

const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
const home: StreamHome = {
  outbox: new Outbox(link),
  budget: { grown: 0 },
  rtt: 0,
  forget() {},
};

/** The payloads of all data frames sent so far. */
function payload(): Buffer {
  home.outbox.flush();
  const bytes = Buffer.concat(sent);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const data = bytes[at + 1] === 0;
    const length = data ? bytes.readUInt32BE(at + 8) : 0;
    at += FRAME_HEADER_BYTES;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return Buffer.concat(pieces);
}

/** Fills the slab with bytes that tell where they stand, as a socket would; the slab is the stream's alone afterwards. */
function write(stream: YamuxStream, slab: Slab, seed: number): Buffer {
  for (let i = 0; i < slab.room.length; i++) slab.room[i] = (i * 7 + (i >> 8) + seed) & 0xff;
  const bytes = Buffer.from(slab.room);
  stream.write(slab, HEADROOM, HEADROOM + bytes.length);
  slab.release();
  return bytes;
}

/** So many fill the window. */
const SLAB_BYTES = INITIAL_WINDOW_BYTES / 4;

describe('bytes beyond the window of the peer', () => {
  let pool: SlabPool;
  let stream: YamuxStream;
  beforeEach(() => {
    sent.length = 0;
    pool = new SlabPool(SLAB_BYTES);
    stream = new YamuxStream(home, 1, nobody);
  });

  /** Uses up the window but for half a slab, and writes one more slab. */
  function overfill(): Buffer {
    const bytes: Buffer[] = [];
    stream.send(Buffer.alloc(SLAB_BYTES / 2));
    bytes.push(Buffer.alloc(SLAB_BYTES / 2));
    const slabs = INITIAL_WINDOW_BYTES / SLAB_BYTES;
    for (let i = 0; i < slabs; i++) bytes.push(write(stream, pool.take(), i));
    return Buffer.concat(bytes);
  }

  test('wait in their slab, and leave from it as the window allows', () => {
    const bytes = overfill();
    assert.equal(stream.writable, false);
    assert.equal(pool.out, 1);
    assert.deepEqual(payload(), bytes.subarray(0, INITIAL_WINDOW_BYTES));
    stream.credited(10);
    stream.credited(SLAB_BYTES / 4);
    assert.equal(pool.out, 1);
    stream.credited(SLAB_BYTES);
    assert.equal(pool.out, 0);
    assert.equal(stream.writable, true);
    assert.deepEqual(payload(), bytes);
  });

  test('are let go of when the stream is reset', () => {
    overfill();
    assert.equal(pool.out, 1);
    stream.reset();
    assert.equal(pool.out, 0);
  });

  test('are copied where slabs are scarce, so that sockets can go on reading', () => {
    const others = Array.from({ length: SLABS_OUT_MAX_BYTES / 2 / SLAB_BYTES }, () => pool.take());
    const bytes = overfill();
    assert.equal(pool.out, others.length);
    stream.credited(SLAB_BYTES);
    assert.deepEqual(payload(), bytes);
  });
});
