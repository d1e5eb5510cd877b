/**
 * A link over WebSocket frames, without extensions. Binary messages carry one byte stream; fragments
 * mean nothing, borders only to a receiver that asks. Some peers take an empty message for the end.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import type { Link, LinkReceiver } from '../link.ts';
import { closeAnswer, closePayload, readClose } from './close.ts';
import {
  applyMask,
  broken,
  checkOpcode,
  controlFrame,
  FIN,
  HEADER_MAX_BYTES,
  headerBytes,
  MASK,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  payloadLength,
  randomKey,
  RSV,
  writeHeader,
} from './frame.ts';
import type { MessageHabits } from './message-habits.ts';

const nothing = Buffer.alloc(0);

/**
 * How this end masks. A client must mask (RFC 6455, 5.3); `zero` is a key of 0, which costs nothing
 * and is used where no intermediary can read or be confused by the frames: inside TLS and on
 * loopback. A server does not mask.
 */
export type Masking = 'none' | 'zero' | 'random';

export class WebSocketLink implements Link, WireReader {
  #wire: Wire;
  #masking: Masking;
  #habits: MessageHabits | null;
  #receiver: LinkReceiver | null = null;
  #closed = false;
  #closing = false;

  // The frame being read.
  #header: Buffer | null = null;
  #headerLength = 0;
  #opcode = OPCODE_BINARY;
  #remaining = 0;
  #key = 0;
  #phase = 0;
  #fragmented = false;
  #control: Buffer | null = null;
  #controlLength = 0;
  /** The payload of the last ping, to be answered once the pong before it has left. */
  #pinged: Buffer | null = null;
  #pongLeaving = false;
  #paused = false;
  #active = false;

  /** Takes the wire over after the upgrade. `masking` 'none' makes this the server's end. */
  constructor(wire: Wire, masking: Masking, habits: MessageHabits | null = null) {
    this.#wire = wire;
    this.#masking = masking;
    this.#habits = habits;
  }

  get backlog(): number {
    return this.#wire.backlog;
  }

  receive(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#wire.reader = this;
    this.#wire.resume();
  }

  send(bytes: Buffer, start: number, end: number): boolean {
    if (this.#closed) return true;
    const at = this.#frame(bytes, start, end, null);
    return this.#wire.write(bytes.subarray(at, end));
  }

  sendPair(head: Buffer, start: number, end: number, body: Buffer): boolean {
    if (this.#closed) return true;
    const at = this.#frame(head, start, end, body);
    return this.#wire.writePair(head.subarray(at, end), body);
  }

  /** Writes the header in front of `start` and masks; returns where the frame starts. */
  #frame(bytes: Buffer, start: number, end: number, body: Buffer | null): number {
    const more = body === null ? 0 : body.length;
    if (this.#masking !== 'random') {
      const key = this.#masking === 'none' ? null : 0;
      return writeHeader(bytes, start, end, more, key, OPCODE_BINARY);
    }
    const key = randomKey();
    applyMask(bytes, start, end, key, 0);
    if (body !== null) applyMask(body, 0, body.length, key, end - start);
    return writeHeader(bytes, start, end, more, key, OPCODE_BINARY);
  }

  /** What is sent from now on in this turn of the event loop leaves with one system call. */
  gather(): void {
    this.#wire.gather();
  }

  afterSends(done: () => void): void {
    this.#wire.afterWrites(done);
  }

  /** Asks for a pong: an answer that some peers and proxies live on. */
  ping(): void {
    if (!this.#closed) this.#sendControl(OPCODE_PING, nothing);
  }

  /** Sends an empty message. Only to a peer that is known to understand it. */
  sendEmpty(): void {
    if (!this.#closed) this.#sendControl(OPCODE_BINARY, nothing);
  }

  /** Sends no more, and says so by a close frame. What the peer sends before its own is still delivered. */
  closeSending(): void {
    if (this.#closed) return;
    this.#sendControl(OPCODE_CLOSE, closePayload(null));
    this.#closing = true;
  }

  close(error: SallyportError | null): void {
    if (this.#closed) return;
    this.#sendControl(OPCODE_CLOSE, closePayload(error));
    this.#finish(error);
    this.#wire.endAndDestroy();
  }

  /** Whether anything came since the last call of this. A paused link hears nothing, and counts as alive. */
  takeActivity(): boolean {
    const active = this.#active || this.#paused;
    this.#active = false;
    return active;
  }

  /** During delivery: the bytes are the last of their message. */
  get atMessageEnd(): boolean {
    return this.#remaining === 0 && !this.#fragmented;
  }

  /** Stops delivery behind what was read already: for protocols without windows of their own. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#wire.resume();
  }

  // ---- Reading: WireReader ----

  read(slab: Slab, start: number, end: number): boolean {
    this.#active = true;
    let at = start;
    try {
      while (at < end && !this.#closed) {
        at =
          this.#remaining === 0
            ? this.#readHeader(slab.bytes, at, end)
            : this.#readPayload(slab, at, end);
      }
      if (this.#pinged !== null) this.#pong();
    } catch (thrown) {
      this.close(asSallyportError(thrown));
    }
    return !this.#paused;
  }

  ended(): void {
    this.#finish(new SallyportError('LINK_LOST', 'link: the peer closed the connection'));
    this.#wire.destroy();
  }

  closed(error: Error | null): void {
    const why = error === null ? 'the connection closed' : error.message;
    this.#finish(new SallyportError('LINK_LOST', `link: ${why}`, { cause: error }));
  }

  #readHeader(bytes: Buffer, start: number, end: number): number {
    const have = this.#headerLength;
    if (have === 0 && end - start >= 2) {
      const need = headerBytes(bytes[start + 1]);
      if (end - start >= need) {
        this.#startFrame(bytes, start);
        return start + need;
      }
    }
    // The header is split between reads: gather it.
    const header = (this.#header ??= Buffer.allocUnsafe(HEADER_MAX_BYTES));
    let at = start;
    while (at < end) {
      header[this.#headerLength++] = bytes[at++]!;
      if (this.#headerLength >= 2 && this.#headerLength === headerBytes(header[1])) {
        this.#headerLength = 0;
        this.#startFrame(header, 0);
        return at;
      }
    }
    return at;
  }

  #startFrame(h: Buffer, at: number): void {
    const first = h[at];
    const second = h[at + 1];
    const opcode = first & 0x0f;
    const masked = (second & MASK) !== 0;
    if (first & RSV) throw broken('a reserved bit is set and no extension was agreed');
    if (masked !== (this.#masking === 'none')) {
      throw broken(masked ? 'a server must not mask' : 'a client must mask');
    }
    const length = payloadLength(h, at);
    this.#key = masked ? h.readInt32LE(at + headerBytes(second) - 4) : 0;
    this.#phase = 0;
    const final = (first & FIN) !== 0;
    checkOpcode(opcode, final, length, this.#fragmented, this.#habits?.text ?? false);
    if (opcode < OPCODE_CLOSE) this.#fragmented = !final;
    this.#opcode = opcode;
    this.#remaining = length;
    if (opcode >= OPCODE_CLOSE) {
      this.#control = Buffer.allocUnsafe(length);
      this.#controlLength = 0;
      if (length === 0) this.#controlFrame();
    } else if (length === 0 && final) {
      if (opcode !== OPCODE_CONTINUATION) this.#habits?.empty?.();
      this.#receiver!.messageEnded?.();
    }
  }

  #readPayload(slab: Slab, start: number, end: number): number {
    const n = Math.min(this.#remaining, end - start);
    const stop = start + n;
    if (this.#key !== 0) {
      applyMask(slab.bytes, start, stop, this.#key, this.#phase);
      this.#phase = (this.#phase + n) & 3;
    }
    this.#remaining -= n;
    if (this.#opcode < OPCODE_CLOSE) {
      this.#receiver!.bytes(slab, start, stop);
      if (this.#remaining === 0 && !this.#fragmented) this.#receiver!.messageEnded?.();
    } else {
      slab.bytes.copy(this.#control!, this.#controlLength, start, stop);
      this.#controlLength += n;
      if (this.#remaining === 0) this.#controlFrame();
    }
    return stop;
  }

  #controlFrame(): void {
    const payload = this.#control!;
    this.#control = null;
    if (this.#opcode === OPCODE_PING) this.#pinged = payload;
    if (this.#opcode === OPCODE_CLOSE) this.#closeFrame(payload);
  }

  /**
   * Answers the last ping only, as RFC 6455 section 5.5.3 allows, and nothing while an answer has not
   * left: a peer that pings and never reads costs one pong.
   */
  #pong(): void {
    if (this.#pinged === null || this.#pongLeaving || this.#closed) return;
    this.#sendControl(OPCODE_PONG, this.#pinged);
    this.#pinged = null;
    if (this.#wire.backlog === 0) return;
    this.#pongLeaving = true;
    this.#wire.afterWrites(() => {
      this.#pongLeaving = false;
      this.#pong();
    });
  }

  #closeFrame(payload: Buffer): void {
    const error = readClose(payload);
    this.#sendControl(OPCODE_CLOSE, closeAnswer(payload));
    this.#finish(error);
    this.#wire.endAndDestroy();
  }

  #sendControl(opcode: number, payload: Buffer): void {
    if (this.#closing) return;
    this.#wire.write(controlFrame(opcode, payload, this.#masking !== 'none'));
  }

  #finish(error: SallyportError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver?.closed(error);
  }
}
