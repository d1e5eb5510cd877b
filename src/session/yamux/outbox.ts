/**
 * What a session sends: small frames are gathered and leave together once per turn of the event
 * loop, so that all streams that became ready share one system call; large payloads leave at once,
 * with their header written in front of them.
 */
import { HEADROOM, SlabPool, type Slab } from '../../net/slab.ts';
import {
  FEW_FRAMES_BYTES,
  LINK_BACKLOG_HIGH_BYTES,
  LINK_BACKLOG_LOW_BYTES,
  LOCAL_SLAB_BYTES,
  QUIET_READ_BYTES,
  STAGING_BYTES,
} from '../../limits.ts';
import type { Link } from '../../transport/link.ts';
import { FRAME_HEADER_BYTES, TYPE_DATA, writeFrameHeader } from './frame.ts';

/** Where small frames are gathered: one pool for all sessions of a process. */
const stagingSlabs = new SlabPool(STAGING_BYTES + QUIET_READ_BYTES + FRAME_HEADER_BYTES);
/** Where gathering begins: thousands of sessions may have one small frame each to send in one turn. */
const fewFrames = new SlabPool(FEW_FRAMES_BYTES);

/** Slabs of frames that have not left, in all sessions of this process. */
export function gatheringOut(): number {
  return stagingSlabs.out + fewFrames.out;
}

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
  #awaiting = false;
  /** Answers gathered, and answers sent that have not left. */
  #answers = 0;
  #answersLeaving = 0;
  #closed = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Answers to the peer's own frames that have not left the process. */
  get answersUnsent(): number {
    return this.#answers + this.#answersLeaving;
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

  /** As `header`, for a frame that the peer made us send. */
  answer(type: number, flags: number, id: number, length: number): void {
    this.header(type, flags, id, length);
    this.#answers++;
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
    const answers = this.#empty();
    if (this.#link.sendPair(head.bytes, HEADROOM, headEnd, slab.bytes.subarray(start, end))) {
      head.release();
    } else {
      this.#holdUntilSent(slab);
      this.#releaseWhenSent(head, answers);
    }
  }

  #holdUntilSent(slab: Slab): void {
    slab.retain();
    this.#link.afterSends(() => slab.release());
  }

  /** Calls `waiter.linkReady()` once the backlog has fallen, and those before it have had their turn. */
  wait(waiter: Waiter): void {
    this.#waiting.push(waiter);
    if (!this.#awaiting) this.#awaitRoom();
  }

  #awaitRoom(): void {
    this.#awaiting = true;
    this.#link.afterSends(() => {
      this.#awaiting = false;
      if (this.#closed) return;
      if (this.#link.backlog <= LINK_BACKLOG_LOW_BYTES) this.#wake();
      if (this.#waiting.length > 0 && !this.#awaiting) this.#awaitRoom();
    });
  }

  /**
   * Wakes as many as there is room for: each may bring a whole slab before it is stopped again. When
   * one fills the link at once, those behind it keep their places, and it goes behind them.
   */
  #wake(): void {
    const room = Math.ceil((LINK_BACKLOG_HIGH_BYTES - this.#link.backlog) / LOCAL_SLAB_BYTES);
    const present = this.#waiting.length;
    for (let woken = 0; woken < Math.min(room, present) && !this.full; woken++)
      this.#waiting.shift()!.linkReady();
  }

  /** The buffer to write `n` more bytes into, at `#end`. */
  #room(n: number): Buffer {
    if (this.#slab === null || this.#end + n > this.#slab.bytes.length) this.#moreRoom(n);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(onTurn, this);
    }
    return this.#slab!.bytes;
  }

  #moreRoom(n: number): void {
    const full = this.#slab;
    if (full === null) {
      this.#slab = n <= FEW_FRAMES_BYTES ? fewFrames.take() : stagingSlabs.take();
    } else if (full.pool === fewFrames) {
      this.#slab = stagingSlabs.take();
      full.bytes.copy(this.#slab.bytes, HEADROOM, HEADROOM, this.#end);
      full.release();
    } else {
      this.flush();
      this.#slab = stagingSlabs.take();
    }
  }

  /** The end of this turn of the event loop. */
  turn(): void {
    this.#scheduled = false;
    this.flush();
  }

  /** Sends what was gathered. */
  flush(): void {
    const slab = this.#slab;
    if (slab === null) return;
    const end = this.#end;
    const answers = this.#empty();
    if (this.#closed || this.#link.send(slab.bytes, HEADROOM, end)) slab.release();
    else this.#releaseWhenSent(slab, answers);
  }

  /** The gathering buffer is taken away; returns how many answers were in it. */
  #empty(): number {
    const answers = this.#answers;
    this.#slab = null;
    this.#end = HEADROOM;
    this.#answers = 0;
    return answers;
  }

  #releaseWhenSent(slab: Slab, answers: number): void {
    this.#answersLeaving += answers;
    this.#link.afterSends(() => {
      this.#answersLeaving -= answers;
      slab.release();
    });
  }

  /** Sends the last frames and drops every waiter. */
  close(): void {
    this.flush();
    this.#closed = true;
    this.#waiting = [];
  }
}

/** Shared by all sessions: each would otherwise keep a closure of its own. */
function onTurn(outbox: Outbox): void {
  outbox.turn();
}
