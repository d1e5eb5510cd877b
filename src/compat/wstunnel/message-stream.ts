/**
 * One request to an agent of WStunnel, as a stream of HTTP/1.1. The request goes out when it is
 * whole, since the protocol knows nothing less; the response is passed on while it arrives. The
 * stream carries one of each: the response says that the connection closes behind it.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { WSTUNNEL_LINGER_MS, WSTUNNEL_STATUS_LINE_MAX_BYTES } from '../../limits.ts';
import type { ChainLink } from '../../net/chain.ts';
import { HEADROOM, Slab } from '../../net/slab.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream, StreamEnd } from '../../session/session.ts';
import type { HeldBytes } from './held-bytes.ts';
import { RequestGathering } from './request-gathering.ts';

/** What a request needs of the tunnel it goes through. */
export interface MessageCarrier {
  readonly held: HeldBytes;
  /** Sends the whole request, and gives its bytes back to `held` when they have left. Throws SERVER_BUSY. */
  dispatch(stream: MessageStream, request: RequestGathering): void;
  /** Nobody waits for the response any more. */
  left(stream: MessageStream): void;
}

const LINE_FEED = 0x0a;
const headroom = Buffer.alloc(HEADROOM);
const nothing = Buffer.alloc(0);
const closing = Buffer.from('Connection: close\r\n');
const goAhead = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export class MessageStream implements Stream, ChainLink<MessageStream> {
  readonly id = 0;
  receiver: UpstreamReceiver;
  /** A request takes what it is given: its length is bounded. */
  readonly writable = true;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  /** Of its message; -1 before it was sent. */
  messageId = -1;
  earlier: MessageStream | null = null;
  later: MessageStream | null = null;
  readonly #carrier: MessageCarrier;
  #request: RequestGathering | null = new RequestGathering();
  /** Counted as held for the request that is being gathered. */
  #gathered = 0;
  /** Delivered and not credited. */
  #untaken = 0;
  /** What has come of the status line; null once it is passed on. */
  #line: Buffer | null = nothing;
  #ended = false;
  #peerEnded = false;
  #over = false;

  constructor(carrier: MessageCarrier, receiver: UpstreamReceiver) {
    this.#carrier = carrier;
    this.receiver = receiver;
  }

  get over(): boolean {
    return this.#over;
  }

  // ---- The request ----

  write(slab: Slab, start: number, end: number): void {
    this.send(slab.bytes.subarray(start, end));
  }

  send(bytes: Buffer): void {
    const request = this.#request;
    if (this.#over || this.#ended || request === null) return;
    this.bytesSent += bytes.length;
    try {
      request.feed(bytes);
      this.#count(request.length - this.#gathered);
      if (request.whole) this.#dispatch(request);
      else if (request.expectsContinue) this.#goAhead(request);
    } catch (thrown) {
      this.broken(asSallyportError(thrown));
    }
  }

  #count(more: number): void {
    if (more > 0) this.#carrier.held.take(more);
    else this.#carrier.held.give(-more);
    this.#gathered += more;
  }

  #goAhead(request: RequestGathering): void {
    request.expectsContinue = false;
    this.#hand(goAhead);
  }

  #dispatch(request: RequestGathering): void {
    this.#carrier.dispatch(this, request);
    this.#request = null;
    this.#gathered = 0;
    this.receiver.accepted?.();
  }

  end(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    if (this.#peerEnded) this.#leave('ok');
    else if (this.#request !== null)
      this.broken(new SallyportError('REQUEST_INVALID', 'request: it ended before it was whole'));
  }

  reset(why?: SallyportError): void {
    if (!this.#over) this.#leave(why ?? 'closed');
  }

  // ---- The response ----

  /** A piece of the response has come. */
  response(slab: Slab, start: number, end: number): void {
    if (this.#over) return;
    try {
      const at = this.#line === null ? start : this.#readLine(this.#line, slab, start, end);
      if (at < end && !this.#over) this.#deliver(slab, at, end);
    } catch (thrown) {
      this.broken(asSallyportError(thrown));
    }
  }

  /** Answers where the fields begin; `end` while they do not. */
  #readLine(before: Buffer, slab: Slab, start: number, end: number): number {
    const feed = slab.bytes.indexOf(LINE_FEED, start);
    const whole = feed >= 0 && feed < end;
    const after = whole ? feed + 1 : end;
    if (before.length + after - start > WSTUNNEL_STATUS_LINE_MAX_BYTES) {
      const why = `its first line is longer than ${WSTUNNEL_STATUS_LINE_MAX_BYTES} bytes`;
      throw new SallyportError('RESPONSE_INVALID', `response: ${why}`);
    }
    const line = slab.bytes.subarray(start, after);
    this.#line = whole ? null : Buffer.concat([before, line]);
    if (whole) this.#hand(before, line, closing);
    return after;
  }

  #hand(...pieces: readonly Buffer[]): void {
    const room = Buffer.concat([headroom, ...pieces]);
    this.#deliver(new Slab(room, null), HEADROOM, room.length);
  }

  #deliver(slab: Slab, start: number, end: number): void {
    const n = end - start;
    this.#carrier.held.take(n);
    this.#untaken += n;
    this.bytesReceived += n;
    this.receiver.data(slab, start, end);
  }

  credit(n: number): void {
    const taken = Math.min(n, this.#untaken);
    this.#untaken -= taken;
    this.#carrier.held.give(taken);
  }

  /** The response is whole, as far as messages go. */
  responded(): void {
    if (this.#over) return;
    this.#peerEnded = true;
    this.receiver.finished();
    if (this.#ended && !this.#over) this.#leave('ok');
  }

  /** There will be no response, or no more of it. */
  broken(error: SallyportError): void {
    if (this.#over) return;
    this.#leave(error);
    this.receiver.reset(error);
  }

  #leave(end: StreamEnd): void {
    this.#over = true;
    this.#carrier.held.give(this.#gathered);
    this.#gathered = 0;
    this.#request = null;
    this.#carrier.left(this);
    // What was delivered may be on its way to a slow consumer still.
    if (this.#untaken > 0) setTimeout(() => this.credit(Infinity), WSTUNNEL_LINGER_MS).unref();
    this.onOver?.(end);
  }
}
