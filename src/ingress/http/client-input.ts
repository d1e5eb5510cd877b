/** What a client sends: taken at once where it can be, held in order where it came ahead of its time. */
import { HEADROOM, Slab } from '../../net/slab.ts';
import type { Wire } from '../../net/wire.ts';

/** What is to be done with bytes of a client. */
export type Appetite = 'take' | 'hold' | 'drop';

export interface InputTaker {
  readonly appetite: Appetite;
  /** Takes bytes `[start, end)`; answers where it stopped. Its appetite may be another one then. */
  take(slab: Slab, start: number, end: number): number;
  /** What was taken has nowhere to go for the moment. */
  readonly blocked: boolean;
}

/** Holds at most what one read brought: while anything is held, the wire pauses. */
export class ClientInput {
  /** Bytes are being taken: there is no need to resume. */
  taking = false;
  readonly #taker: InputTaker;
  #paused = false;
  #slab: Slab | null = null;
  #start = 0;
  #end = 0;

  constructor(taker: InputTaker) {
    this.#taker = taker;
  }

  get #holds(): boolean {
    return this.#end > this.#start;
  }

  /** As `WireReader.read`. */
  read(slab: Slab, start: number, end: number): boolean {
    if (this.#holds) this.#hold(slab, start, end);
    else this.#pass(slab, start, end);
    this.#paused = this.#holds || this.#taker.blocked;
    return !this.#paused;
  }

  #pass(slab: Slab, start: number, end: number): void {
    let at = start;
    this.taking = true;
    while (at < end && this.#taker.appetite === 'take') at = this.#taker.take(slab, at, end);
    this.taking = false;
    if (at < end && this.#taker.appetite === 'hold') this.#hold(slab, at, end);
  }

  /** Adds bytes behind those that are held. */
  #hold(slab: Slab, start: number, end: number): void {
    const before = this.#end - this.#start;
    if (slab !== this.#slab) {
      const bytes = Buffer.allocUnsafeSlow(HEADROOM + before + end - start);
      this.#slab?.bytes.copy(bytes, HEADROOM, this.#start, this.#end);
      slab.bytes.copy(bytes, HEADROOM + before, start, end);
      this.#slab = new Slab(bytes, null);
      start = HEADROOM;
      end = bytes.length;
    }
    this.#start = start;
    this.#end = end;
  }

  /** Passes on what is held, then lets the wire go on. */
  resume(wire: Wire): void {
    if (this.taking) return;
    while (this.#holds && this.#taker.appetite === 'take') {
      const start = this.#start;
      this.#start = this.#end;
      this.#pass(this.#slab!, start, this.#end);
    }
    if (!this.#holds) this.#slab = null;
    if (!this.#paused || this.#holds || this.#taker.blocked) return;
    this.#paused = false;
    wire.resume();
  }

  /** Hands the wire to another reader, with what is held. */
  release(wire: Wire): void {
    const slab = this.#slab;
    const start = this.#start;
    const paused = this.#paused;
    this.#slab = null;
    this.#start = this.#end;
    this.#paused = false;
    const goOn = slab === null || start === this.#end || wire.reader.read(slab, start, this.#end);
    if (paused && goOn) wire.resume();
  }
}
