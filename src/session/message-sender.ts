/**
 * Sends the bytes of one stream as messages of a WebSocket of its own, and tells when there is room
 * for more. Borders of messages mean nothing to whoever reads them.
 */
import {
  LINK_BACKLOG_HIGH_BYTES,
  LINK_BACKLOG_LOW_BYTES,
  QUIET_READ_BYTES,
  SMALL_COPY_BYTES,
} from '../limits.ts';
import { HEADROOM, SlabPool, type Slab } from '../net/slab.ts';
import type { WebSocketLink } from '../transport/websocket/link.ts';

const copySlabs = new SlabPool(QUIET_READ_BYTES);

export class MessageSender {
  #link: WebSocketLink;
  #drained: () => void;
  #max: number;
  #blocked = false;

  /** `drained` is called when there is room again; no message is longer than `maxBytes`. */
  constructor(link: WebSocketLink, drained: () => void, maxBytes = Infinity) {
    this.#link = link;
    this.#drained = drained;
    this.#max = maxBytes;
  }

  get writable(): boolean {
    return !this.#blocked;
  }

  /** The rules for the slab are those of `Stream.write`. */
  write(slab: Slab, start: number, end: number): void {
    if (slab.shared || end - start < SMALL_COPY_BYTES) this.#copy(slab.bytes, start, end);
    else if (slab.refs === 1 && end - start <= this.#max)
      this.#keep(slab, this.#link.send(slab.bytes, start, end));
    else
      for (let at = start; at < end; at += this.#max)
        this.#sendBeside(slab, at, Math.min(at + this.#max, end));
    this.#checkBlocked();
  }

  /** Sends a copy. */
  send(bytes: Buffer): void {
    this.#copy(bytes, 0, bytes.length);
    this.#checkBlocked();
  }

  /** What stands before these bytes is still needed: the header has a place of its own. */
  #sendBeside(slab: Slab, start: number, end: number): void {
    const head = Buffer.allocUnsafe(HEADROOM);
    const body = slab.bytes.subarray(start, end);
    this.#keep(slab, this.#link.sendPair(head, HEADROOM, HEADROOM, body));
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += QUIET_READ_BYTES) {
      const n = Math.min(end - at, QUIET_READ_BYTES);
      if (n < SMALL_COPY_BYTES) {
        const own = Buffer.allocUnsafe(HEADROOM + n);
        bytes.copy(own, HEADROOM, at, at + n);
        this.#link.send(own, HEADROOM, HEADROOM + n);
        continue;
      }
      const slab = copySlabs.take();
      bytes.copy(slab.bytes, HEADROOM, at, at + n);
      this.#keep(slab, this.#link.send(slab.bytes, HEADROOM, HEADROOM + n));
      slab.release();
    }
  }

  #keep(slab: Slab, free: boolean): void {
    if (free) return;
    slab.retain();
    this.#link.afterSends(() => slab.release());
  }

  #checkBlocked(): void {
    if (this.#blocked || this.#link.backlog <= LINK_BACKLOG_HIGH_BYTES) return;
    this.#blocked = true;
    this.#awaitRoom();
  }

  #awaitRoom(): void {
    this.#link.afterSends(() => {
      if (this.#link.backlog > LINK_BACKLOG_LOW_BYTES) return this.#awaitRoom();
      this.#blocked = false;
      this.#drained();
    });
  }
}
