/**
 * The window of a stream that has a socket to itself: what was delivered and not credited bounds what
 * is read, and the pausing of the socket is what the peer feels of it.
 */
import { INITIAL_WINDOW_BYTES } from '../limits.ts';
import type { Wire } from '../net/wire.ts';

export class SocketWindow {
  #wire: Wire;
  #unpaid = 0;
  #paused = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Bytes delivered and not credited. */
  get unpaid(): number {
    return this.#unpaid;
  }

  /** The socket is not read from. */
  get paused(): boolean {
    return this.#paused;
  }

  delivered(n: number): void {
    this.#unpaid += n;
  }

  credit(n: number): void {
    this.#unpaid -= n;
    if (this.#unpaid <= INITIAL_WINDOW_BYTES / 2) this.open();
  }

  /** The answer of a `read`: whether reading goes on. */
  goesOn(): boolean {
    this.#paused = this.#unpaid >= INITIAL_WINDOW_BYTES;
    return !this.#paused;
  }

  /** Reading goes on, whatever is unpaid. */
  open(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#wire.resume();
  }
}
