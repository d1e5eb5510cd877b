/** A connection that the server itself dials, as the stream of an upstream. */
import { connectTarget, targetError, targetTimeout } from '../../agent/target-dial.ts';
import { SallyportError } from '../../errors.ts';
import {
  INITIAL_WINDOW_BYTES,
  LINK_BACKLOG_HIGH_BYTES,
  LINK_BACKLOG_LOW_BYTES,
  LOCAL_SLAB_BYTES,
  TARGET_DIAL_TIMEOUT_MS,
} from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import { breakOff } from '../../net/break-off.ts';
import { SlabPool, type Slab } from '../../net/slab.ts';
import { formatTarget, type Target } from '../../net/target.ts';
import { Wire, type WireReader } from '../../net/wire.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import { deliver, type Credited } from '../../session/deliver.ts';
import type { Stream, StreamEnd } from '../../session/session.ts';

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

export class DirectStream implements Stream, WireReader {
  readonly id = 0;
  receiver: UpstreamReceiver;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  #target: Target;
  #wire: Wire;
  #gone: () => void;
  #timer: NodeJS.Timeout;
  #connected = false;
  /** Delivered and not credited. */
  #unpaid = 0;
  #paused = false;
  /** Taken for sending, and still here. */
  #unsent = 0;
  #blocked = false;
  readonly #sending: Credited = { credit: (n) => this.#left(n) };
  #ended = false;
  #peerEnded = false;
  #over = false;

  /**
   * Resolves the name and dials once: what stands then is used, and nothing is looked up again. Bytes
   * that come before the connection stands wait in its socket. `gone` is called when it is over.
   */
  constructor(address: HostPort, receiver: UpstreamReceiver, gone: () => void) {
    const target = { kind: 'tcp', ...address, tls: false } as const;
    this.#target = target;
    this.receiver = receiver;
    this.#gone = gone;
    this.#wire = Wire.dial((onread) => connectTarget(target, false, onread), slabs, this);
    this.#timer = setTimeout(
      () => this.#wire.destroy(targetTimeout(target)),
      TARGET_DIAL_TIMEOUT_MS,
    ).unref();
    this.#wire.socket.once('connect', () => {
      clearTimeout(this.#timer);
      this.#connected = true;
      this.receiver.accepted?.();
    });
  }

  // ---- Receiving ----

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#over) return true;
    this.bytesReceived += end - start;
    this.#unpaid += end - start;
    this.receiver.data(slab, start, end);
    this.#paused = this.#unpaid >= INITIAL_WINDOW_BYTES && !this.#over;
    return !this.#paused;
  }

  credit(n: number): void {
    this.#unpaid -= n;
    if (!this.#paused || this.#unpaid > INITIAL_WINDOW_BYTES / 2) return;
    this.#paused = false;
    this.#wire.resume();
  }

  ended(): void {
    if (this.#over) return;
    this.#peerEnded = true;
    this.receiver.finished();
    if (this.#ended) this.#leave('ok');
  }

  closed(error: Error | null): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    const named = this.#named(error);
    this.#leave(named);
    this.receiver.reset(named);
  }

  #named(error: Error | null): SallyportError {
    if (error instanceof SallyportError) return error;
    if (!this.#connected) return targetError(this.#target, error);
    const why = `broke the connection off${error === null ? '' : `: ${error.message}`}`;
    const message = `target ${formatTarget(this.#target)}: ${why}`;
    return new SallyportError('TARGET_CLOSED', message, { cause: error });
  }

  // ---- Sending ----

  get writable(): boolean {
    return !this.#blocked;
  }

  get over(): boolean {
    return this.#over;
  }

  write(slab: Slab, start: number, end: number): void {
    if (!this.#takes(end - start)) return;
    deliver(this.#wire, this.#sending, slab, start, end);
    this.#blocked = this.#unsent > LINK_BACKLOG_HIGH_BYTES;
  }

  send(bytes: Buffer): void {
    if (!this.#takes(bytes.length)) return;
    if (this.#wire.write(Buffer.from(bytes))) this.#left(bytes.length);
    else this.#wire.afterWrites(() => this.#left(bytes.length));
    this.#blocked = this.#unsent > LINK_BACKLOG_HIGH_BYTES;
  }

  #takes(n: number): boolean {
    if (this.#over || this.#ended) return false;
    this.bytesSent += n;
    this.#unsent += n;
    return true;
  }

  #left(n: number): void {
    this.#unsent -= n;
    if (!this.#blocked || this.#unsent > LINK_BACKLOG_LOW_BYTES) return;
    this.#blocked = false;
    if (!this.#over) this.receiver.drained();
  }

  // ---- The end ----

  end(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#wire.end();
    if (this.#peerEnded) this.#leave('ok');
  }

  reset(why?: SallyportError): void {
    if (this.#over) return;
    this.#leave(why ?? 'closed');
    breakOff(this.#wire.socket);
  }

  #leave(end: StreamEnd): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.onOver?.(end);
    if (this.#paused) this.#wire.resume();
    this.#gone();
  }
}
