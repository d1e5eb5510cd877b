/** Whole messages over a WebSocket: read in place where they came in one piece, gathered where not. */
import { SallyportError } from '../../errors.ts';
import {
  HUBBLE_DATA_BYTES,
  HUBBLE_MESSAGE_MAX_BYTES,
  LINK_BACKLOG_HIGH_BYTES,
  LINK_BACKLOG_LOW_BYTES,
  SMALL_COPY_BYTES,
} from '../../limits.ts';
import { HEADROOM, Slab, SlabPool } from '../../net/slab.ts';
import type { LinkReceiver } from '../../transport/link.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import { DATA_OVERHEAD_BYTES, writeData } from './data-message.ts';

export interface MessageReceiver {
  /** A message, in bytes `[start, end)`; the rules for the slab are those of `WireReader.read`. */
  message(slab: Slab, start: number, end: number): void;
  /** Sending is possible again. */
  drained(): void;
  closed(error: SallyportError | null): void;
}

const slabs = new SlabPool(HUBBLE_DATA_BYTES + DATA_OVERHEAD_BYTES);

export class MessageLink implements LinkReceiver {
  readonly link: WebSocketLink;
  #receiver: MessageReceiver;
  /** What has come of a message in pieces. A slab of the pool while it fits. */
  #gathered: Slab | null = null;
  #length = 0;
  #awaitsDrain = false;

  constructor(link: WebSocketLink, receiver: MessageReceiver) {
    this.link = link;
    this.#receiver = receiver;
  }

  // ---- Sending ----

  get writable(): boolean {
    return this.link.backlog < LINK_BACKLOG_HIGH_BYTES;
  }

  send(message: Buffer): void {
    this.link.gather();
    const bytes = Buffer.allocUnsafe(HEADROOM + message.length);
    message.copy(bytes, HEADROOM);
    this.link.send(bytes, HEADROOM, bytes.length);
  }

  /** Sends up to HUBBLE_DATA_BYTES as one data message. When it is not writable afterwards, `drained` follows. */
  sendData(data: Buffer, guid: string, order: number): void {
    if (data.length > SMALL_COPY_BYTES) this.#sendLarge(data, guid, order);
    else this.#sendSmall(data, guid, order);
    this.awaitDrain();
  }

  #sendSmall(data: Buffer, guid: string, order: number): void {
    this.link.gather();
    const bytes = Buffer.allocUnsafe(HEADROOM + data.length + DATA_OVERHEAD_BYTES);
    this.link.send(bytes, HEADROOM, writeData(bytes, HEADROOM, data, guid, order));
  }

  #sendLarge(data: Buffer, guid: string, order: number): void {
    const slab = slabs.take();
    const end = writeData(slab.bytes, HEADROOM, data, guid, order);
    if (this.link.send(slab.bytes, HEADROOM, end)) slab.release();
    else this.link.afterSends(() => slab.release());
  }

  /** Calls `drained` when it is writable; not when it is already. */
  awaitDrain(): void {
    if (this.writable || this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    this.link.afterSends(() => {
      this.#awaitsDrain = false;
      if (this.link.backlog < LINK_BACKLOG_LOW_BYTES) this.#receiver.drained();
      else this.awaitDrain();
    });
  }

  // ---- Receiving ----

  bytes(slab: Slab, start: number, end: number): void {
    if (this.#gathered === null && this.link.atMessageEnd) {
      this.#length = end - start;
      this.#check();
      this.#receiver.message(slab, start, end);
    } else {
      this.#gather(slab, start, end);
    }
  }

  messageEnded(): void {
    const slab = this.#gathered;
    const length = this.#length;
    this.#length = 0;
    if (length === 0) throw new SallyportError('PROTOCOL_MESSAGE', 'hubble message: it is empty');
    if (slab === null) return;
    this.#gathered = null;
    this.#receiver.message(slab, HEADROOM, HEADROOM + length);
    if (!slab.shared) slab.release();
  }

  #gather(slab: Slab, start: number, end: number): void {
    const at = HEADROOM + this.#length;
    this.#length += end - start;
    this.#check();
    this.#gathered ??= slabs.take();
    if (HEADROOM + this.#length > this.#gathered.bytes.length) this.#grow(at);
    slab.bytes.copy(this.#gathered.bytes, at, start, end);
  }

  #grow(filled: number): void {
    const small = this.#gathered!;
    const bytes = Buffer.allocUnsafe(HEADROOM + 2 * this.#length);
    small.bytes.copy(bytes, 0, 0, filled);
    if (!small.shared) small.release();
    this.#gathered = new Slab(bytes, null);
  }

  #check(): void {
    if (this.#length <= HUBBLE_MESSAGE_MAX_BYTES) return;
    const why = `it is longer than ${HUBBLE_MESSAGE_MAX_BYTES} bytes`;
    throw new SallyportError('PROTOCOL_MESSAGE', `hubble message: ${why}`);
  }

  closed(error: SallyportError | null): void {
    const slab = this.#gathered;
    this.#gathered = null;
    if (slab !== null && !slab.shared) slab.release();
    this.#receiver.closed(error);
  }
}
