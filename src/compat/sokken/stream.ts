/**
 * A tunnel's WebSocket as a stream: binary messages whose borders mean nothing. Older programs know
 * no end of a single direction; towards those the connection closes as a whole, and what the other
 * side has sent until it hears of that is still delivered.
 */
import { SallyportError } from '../../errors.ts';
import {
  GONE_PEER_GRACE_MS,
  SOKKEN_CLOSE_MS,
  SOKKEN_HALF_CLOSED_QUIET_MS,
  SOKKEN_HEAR_OUT_BYTES,
  SOKKEN_MESSAGE_MAX_BYTES,
} from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import { MessageSender } from '../../session/message-sender.ts';
import type { Stream, StreamEnd, StreamReceiver } from '../../session/session.ts';
import { SocketWindow } from '../../session/socket-window.ts';
import { closePayloadOf } from '../../transport/websocket/close.ts';
import { controlFrame, OPCODE_CLOSE } from '../../transport/websocket/frame.ts';
import { WebSocketLink, type Masking } from '../../transport/websocket/link.ts';
import { NOT_ALLOWED } from './protocol.ts';

/**
 * Who is at the other end: one that takes an empty message for the end of a direction, or a client or
 * a server of the older kind, to whom empty messages mean nothing.
 */
export type SokkenPeer = 'half-closing' | 'older-client' | 'older-server';

export class SokkenStream implements Stream, WireReader {
  readonly id = 0;
  receiver: StreamReceiver;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  /** The socket is gone: after `onOver`. */
  onClosed: (() => void) | null = null;
  #wire: Wire;
  #masking: Masking;
  #peer: SokkenPeer;
  #link: WebSocketLink;
  #sender: MessageSender;
  #window: SocketWindow;
  #ended = false;
  #peerEnded = false;
  /** The peer neither sends nor takes anything any more. */
  #peerGone = false;
  /** Our close frame has left. */
  #closing = false;
  #over = false;
  #active = false;
  #asked = false;
  #sentWhenActive = 0;
  /** Sent to a peer that is gone: nobody takes it. */
  #unheard = 0;
  #timer: NodeJS.Timeout | null = null;

  /** Takes over the wire of a connection that is upgraded. */
  constructor(wire: Wire, masking: Masking, peer: SokkenPeer, receiver: StreamReceiver) {
    this.#wire = wire;
    this.#window = new SocketWindow(wire);
    this.#masking = masking;
    this.#peer = peer;
    this.receiver = receiver;
    const halfClosing = peer === 'half-closing';
    this.#link = new WebSocketLink(
      wire,
      masking,
      halfClosing ? { empty: () => this.#finished() } : null,
    );
    const drained = (): void => {
      if (!this.#over) this.receiver.drained();
    };
    this.#sender = new MessageSender(this.#link, drained, SOKKEN_MESSAGE_MAX_BYTES);
    this.#link.receive({
      bytes: (slab, start, end) => this.#deliver(slab, start, end),
      closed: (error) => this.#closed(error),
    });
    wire.reader = this;
  }

  // ---- Receiving ----

  read(slab: Slab, start: number, end: number): boolean {
    this.#active = true;
    this.#link.read(slab, start, end);
    return this.#over || this.#window.goesOn();
  }

  #deliver(slab: Slab, start: number, end: number): void {
    if (this.#over || this.#peerEnded) return;
    this.bytesReceived += end - start;
    this.#window.delivered(end - start);
    if (!this.#closing) this.#timer?.refresh();
    this.receiver.data(slab, start, end);
  }

  credit(n: number): void {
    this.#window.credit(n);
  }

  #finished(): void {
    if (this.#over || this.#peerEnded) return;
    this.#peerEnded = true;
    this.receiver.finished();
    if (this.#ended) this.#closeInOrder();
  }

  /** The socket's end, which is no end of a tunnel. */
  ended(): void {
    this.#link.ended();
  }

  closed(error: Error | null): void {
    if (!this.#over) this.#link.closed(error);
    this.onClosed?.();
  }

  #closed(error: SallyportError | null): void {
    if (this.#over || this.#peerGone) return;
    // Whoever has heard our close may leave without a word.
    if (this.#closing) this.#gone();
    else if (error === null && (this.#ended || this.#peer !== 'half-closing')) this.#gone();
    else this.#break(this.#named(error));
  }

  #named(error: SallyportError | null): SallyportError {
    if (error === null)
      return new SallyportError('LINK_LOST', 'link: the peer closed it too early');
    return this.#peer === 'older-server' && error.message.endsWith(NOT_ALLOWED)
      ? new SallyportError('TARGET_DENIED', `target: the server answers «${NOT_ALLOWED}»`)
      : error;
  }

  /** What the peer sent is whole. */
  #gone(): void {
    this.#peerGone = true;
    this.#clearTimer();
    this.#finished();
    if (this.#over) return;
    if (this.#ended) return this.#leave('ok');
    this.#timer = setTimeout(() => this.#break(peerLeft), GONE_PEER_GRACE_MS).unref();
  }

  // ---- Sending ----

  get writable(): boolean {
    return this.#sender.writable;
  }

  get over(): boolean {
    return this.#over;
  }

  write(slab: Slab, start: number, end: number): void {
    if (this.#maySend(end - start)) this.#sender.write(slab, start, end);
  }

  send(bytes: Buffer): void {
    if (this.#maySend(bytes.length)) this.#sender.send(bytes);
  }

  #maySend(n: number): boolean {
    if (this.#over || this.#ended || n === 0) return false;
    if (this.#peerGone) {
      // The target is read on: it would stop taking what the peer sent before it left.
      this.#unheard += n;
      if (this.#unheard > SOKKEN_HEAR_OUT_BYTES) this.#break(peerLeft);
      return false;
    }
    this.bytesSent += n;
    return true;
  }

  // ---- The end ----

  end(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    if (this.#peerGone) this.#leave('ok');
    else if (this.#peer === 'half-closing') {
      // When both have ended, the close frame says so.
      if (this.#peerEnded) this.#closeInOrder();
      else this.#link.sendEmpty();
    } else if (this.#peer === 'older-client') this.#closeSending();
    else this.#awaitQuiet();
  }

  /** The last words may still be on their way, and the server would cut them off. */
  #awaitQuiet(): void {
    this.#timer = setTimeout(() => {
      if (this.#window.unpaid > 0) this.#timer!.refresh();
      else this.#closeSending();
    }, SOKKEN_HALF_CLOSED_QUIET_MS);
  }

  #closeSending(): void {
    this.#closing = true;
    this.#link.closeSending();
    const late = (): void => {
      this.#gone();
      this.#wire.destroy();
    };
    this.#timer = setTimeout(late, SOKKEN_CLOSE_MS).unref();
  }

  /** Both directions have ended. */
  #closeInOrder(): void {
    if (this.#over) return;
    this.#leave('ok');
    if (!this.#peerGone) this.#link.close(null);
  }

  reset(why?: SallyportError): void {
    if (this.#over) return;
    this.#leave(why ?? 'closed');
    this.#link.close(why ?? brokenOff);
  }

  /** As `reset`, in words that older programs know. */
  closeWith(code: number, reason: string): void {
    if (this.#over) return;
    this.#leave('closed');
    const masked = this.#masking !== 'none';
    this.#wire.write(controlFrame(OPCODE_CLOSE, closePayloadOf(code, reason), masked));
    this.#wire.endAndDestroy();
  }

  #break(error: SallyportError): void {
    if (this.#over) return;
    this.#leave(error);
    this.#link.close(error);
    this.receiver.reset(error);
  }

  #leave(end: StreamEnd): void {
    this.#over = true;
    this.#clearTimer();
    this.onOver?.(end);
    this.#window.open();
  }

  #clearTimer(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  // ---- Signs of life, for a heartbeat ----

  /** Peers answer while they read: one that has not taken what it was sent cannot. */
  takeActivity(): boolean {
    if (!this.#active) return this.#window.paused || this.bytesSent !== this.#sentWhenActive;
    this.#active = false;
    this.#sentWhenActive = this.bytesSent;
    return true;
  }

  /** The first one is left out: a heartbeat asks at once, and most tunnels are over before it matters. */
  ping(): void {
    if (this.#asked) this.#link.ping();
    this.#asked = true;
  }

  close(error: SallyportError | null): void {
    if (this.#over) this.#wire.destroy();
    else this.#break(error ?? brokenOff);
  }
}

const brokenOff = new SallyportError('STREAM_RESET', 'stream: broken off by the other end');
const peerLeft = new SallyportError('STREAM_RESET', 'stream: its other end has left');
