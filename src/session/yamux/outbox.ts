/**
 * What a session sends: small frames are gathered and leave together once per turn of the event
 * loop, so that all streams that became ready share one system call; large payloads leave at once,
 * with their header written in front of them.
 */
import { HEADROOM, SlabPool, type Slab } from '../../net/slab.ts';
import {
  LINK_BACKLOG_HIGH_BYTES,
  LINK_BACKLOG_LOW_BYTES,
  QUIET_READ_BYTES,
  STAGING_BYTES,
} from '../../limits.ts';
import type { Link } from '../../transport/link.ts';
import { FRAME_HEADER_BYTES, TYPE_DATA, writeFrameHeader } from './frame.ts';

const staging = new SlabPool(STAGING_BYTES + QUIET_READ_BYTES + FRAME_HEADER_BYTES);
const FLUSH_AT = HEADROOM + STAGING_BYTES;

/** A stream that waits for room on the link. */
export interface Waiter {
  linkReady(): void;
}

export class Outbox {
  #link: Link;
  #slab: Slab | null = null;
  #end = HEADROOM;
  #scheduled = false;
  #waiting: Waiter[] = [];
  #closed = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Bytes that have not left the process. */
  get backlog(): number {
    return this.#link.backlog + this.#end - HEADROOM;
  }

  /** True while streams should stop. */
  get full(): boolean {
    return this.#link.backlog > LINK_BACKLOG_HIGH_BYTES;
  }

  /** A frame that is only a header. */
  header(type: number, flags: number, id: number, length: number): void {
    const bytes = this.#room(FRAME_HEADER_BYTES);
    writeFrameHeader(bytes, this.#end, type, flags, id, length);
    this.#end += FRAME_HEADER_BYTES;
  }

  /** A data frame whose payload (at most QUIET_READ_BYTES) is copied. */
  copy(id: number, from: Buffer, start: number, end: number): void {
    const n = end - start;
    const bytes = this.#room(FRAME_HEADER_BYTES + n);
    writeFrameHeader(bytes, this.#end, TYPE_DATA, 0, id, n);
    from.copy(bytes, this.#end + FRAME_HEADER_BYTES, start, end);
    this.#end += FRAME_HEADER_BYTES + n;
    if (this.#end >= FLUSH_AT) this.flush();
  }

  /** A data frame sent where it stands, its header written over the passed bytes before it. */
  inPlace(id: number, slab: Slab, start: number, end: number): void {
    this.flush();
    const at = start - FRAME_HEADER_BYTES;
    writeFrameHeader(slab.bytes, at, TYPE_DATA, 0, id, end - start);
    if (!this.#link.send(slab.bytes, at, end)) this.#holdUntilSent(slab);
  }

  /** A data frame of bytes that have no room before them: header and payload leave together. */
  byReference(id: number, slab: Slab, start: number, end: number): void {
    const bytes = this.#room(FRAME_HEADER_BYTES);
    writeFrameHeader(bytes, this.#end, TYPE_DATA, 0, id, end - start);
    this.#end += FRAME_HEADER_BYTES;
    const head = this.#slab!;
    const headEnd = this.#end;
    this.#slab = null;
    this.#end = HEADROOM;
    if (this.#link.sendPair(head.bytes, HEADROOM, headEnd, slab.bytes.subarray(start, end))) {
      head.release();
    } else {
      this.#holdUntilSent(slab);
      this.#link.afterSends(() => head.release());
    }
  }

  #holdUntilSent(slab: Slab): void {
    slab.retain();
    this.#link.afterSends(() => slab.release());
  }

  /** Calls `waiter.linkReady()` once the backlog has fallen. */
  wait(waiter: Waiter): void {
    if (this.#waiting.push(waiter) === 1) this.#awaitRoom();
  }

  #awaitRoom(): void {
    this.#link.afterSends(() => {
      if (this.#closed) return;
      if (this.#link.backlog > LINK_BACKLOG_LOW_BYTES) return this.#awaitRoom();
      const ready = this.#waiting;
      this.#waiting = [];
      for (const waiter of ready) waiter.linkReady();
    });
  }

  /** The buffer to write `n` more bytes into, at `#end`. */
  #room(n: number): Buffer {
    if (this.#slab !== null && this.#end + n > this.#slab.bytes.length) this.flush();
    if (this.#slab === null) this.#slab = staging.take();
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#onTurn);
    }
    return this.#slab.bytes;
  }

  #onTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** Sends what was gathered. */
  flush(): void {
    const slab = this.#slab;
    if (slab === null) return;
    const end = this.#end;
    this.#slab = null;
    this.#end = HEADROOM;
    if (this.#closed || this.#link.send(slab.bytes, HEADROOM, end)) slab.release();
    else this.#link.afterSends(() => slab.release());
  }

  /** Sends the last frames and drops every waiter. */
  close(): void {
    this.flush();
    this.#closed = true;
    this.#waiting = [];
  }
}
