/** What a client sent ahead: kept, in order, until the response before it has ended. */
import { HEADROOM, Slab } from '../../net/slab.ts';

/** Bounded by one read: a connection that holds bytes reads no more. */
export class HeldBytes {
  #slab: Slab | null = null;
  #start = 0;
  #end = 0;

  get any(): boolean {
    return this.#end > this.#start;
  }

  /** Adds bytes behind those that are held. */
  add(slab: Slab, start: number, end: number): void {
    if (slab === this.#slab && !this.any) {
      this.#start = start;
      this.#end = end;
      return;
    }
    const before = this.#end - this.#start;
    const bytes = Buffer.allocUnsafeSlow(HEADROOM + before + end - start);
    this.#slab?.bytes.copy(bytes, HEADROOM, this.#start, this.#end);
    slab.bytes.copy(bytes, HEADROOM + before, start, end);
    this.#slab = new Slab(bytes, null);
    this.#start = HEADROOM;
    this.#end = bytes.length;
  }

  /** Hands everything to `take`, which may add again what it cannot use. */
  release(take: (slab: Slab, start: number, end: number) => void): void {
    const { any } = this;
    const start = this.#start;
    this.#start = this.#end;
    if (any) take(this.#slab!, start, this.#end);
    if (!this.any) this.#slab = null;
  }

  clear(): void {
    this.#slab = null;
    this.#start = this.#end = 0;
  }
}
