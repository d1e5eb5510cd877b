/** One direction of a stream under rates: bytes pass at once while they may, else they are held in order. */
import { HEADROOM, Slab } from '../net/slab.ts';
import type { ByteRate, Waiting } from './pace.ts';

/** Where the bytes of a lane go. */
export interface LaneEnd {
  /** Takes bytes `[start, end)`; the rules for the slab are those of `Stream.write`. */
  pass(slab: Slab, start: number, end: number): void;
  /** What was held has passed. */
  cleared(): void;
}

/**
 * What is held is bounded by whoever fills it: a writer stops while `holding`, and a sender has its
 * window. Each byte counts against every rate.
 */
export class Lane implements Waiting {
  #rates: readonly ByteRate[];
  #end: LaneEnd;
  #held: Slab[] = [];
  /** Of the first slab that is held. */
  #start = HEADROOM;
  #waitsFor: ByteRate | null = null;
  #closed = false;

  constructor(rates: readonly ByteRate[], end: LaneEnd) {
    this.#rates = rates;
    this.#end = end;
  }

  get holding(): boolean {
    return this.#held.length > 0;
  }

  offer(slab: Slab, start: number, end: number): void {
    if (this.#closed || start === end) return;
    let at = start;
    if (!this.holding && !this.#crowded) {
      at += this.#take(end - start);
      if (at > start) this.#end.pass(slab, start, at);
    }
    if (at < end && !this.#closed) this.#hold(slab.bytes.subarray(at, end));
  }

  get #crowded(): boolean {
    for (const rate of this.#rates) if (rate.crowded) return true;
    return false;
  }

  /** Takes up to `wanted` bytes from every rate; answers how many. */
  #take(wanted: number): number {
    let bytes = wanted;
    for (const rate of this.#rates) bytes = Math.min(bytes, rate.left);
    if (bytes > 0) for (const rate of this.#rates) rate.take(bytes);
    return bytes;
  }

  #hold(bytes: Buffer): void {
    const copy = Buffer.allocUnsafe(HEADROOM + bytes.length);
    bytes.copy(copy, HEADROOM);
    this.#held.push(new Slab(copy, null));
    if (this.#waitsFor === null) this.#wait();
  }

  /** Waits for the rate that has least; at the others its turn comes with it. */
  #wait(): void {
    let scarcest = this.#rates[0];
    for (const rate of this.#rates) if (rate.left < scarcest.left) scarcest = rate;
    const crowded = this.#rates.find((rate) => rate.crowded);
    this.#waitsFor = scarcest.left > 0 ? (crowded ?? scarcest) : scarcest;
    this.#waitsFor.wait(this);
  }

  turn(bytes: number): void {
    this.#waitsFor = null;
    let left = bytes;
    while (this.#held.length > 0 && left > 0) {
      const slab = this.#held[0];
      const start = this.#start;
      const taken = this.#take(Math.min(left, slab.bytes.length - start));
      if (taken === 0) break;
      left -= taken;
      this.#start += taken;
      if (this.#start === slab.bytes.length) {
        this.#held.shift();
        this.#start = HEADROOM;
      }
      this.#end.pass(slab, start, start + taken);
    }
    if (this.#held.length > 0) this.#wait();
    else if (!this.#closed) this.#end.cleared();
  }

  /** What is held is lost; nothing passes any more. */
  close(): void {
    this.#closed = true;
    this.#held = [];
    this.#waitsFor?.leave(this);
    this.#waitsFor = null;
  }
}
