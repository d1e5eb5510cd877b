/**
 * A WebSocket as one stream: for protocols that give every connection a WebSocket of its own. Bytes
 * in messages, borders and kinds without meaning; the window is the pausing of its socket.
 *
 * WebSockets know no half-close, so protocols differ in how a direction ends: see `Ending`.
 */
import { SallyportError } from '../errors.ts';
import { GONE_PEER_GRACE_MS } from '../limits.ts';
import type { Slab } from '../net/slab.ts';
import type { Wire, WireReader } from '../net/wire.ts';
import { WebSocketLink, type Masking } from '../transport/websocket/link.ts';
import { MessageSender } from './message-sender.ts';
import type { Stream, StreamEnd, StreamReceiver } from './session.ts';
import { SocketWindow } from './socket-window.ts';

/**
 * What `end` does. `message`: an empty message tells the peer, who is known to understand it, and
 * the other direction goes on. `close`: the connection closes once everything has left. `nothing`:
 * there is no way to say it, and the peer ends the connection. Whatever is chosen, an empty message
 * that comes is the end of the peer's direction.
 */
export type Ending = 'message' | 'close' | 'nothing';

export class WebSocketStream implements Stream, WireReader {
  readonly id = 0;
  receiver: StreamReceiver;
  bytesSent = 0;
  bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  /** The socket is gone: after `onOver`, once what was sent last has left. */
  onClosed: (() => void) | null = null;
  #wire: Wire;
  #link: WebSocketLink;
  #sender: MessageSender;
  #window: SocketWindow;
  #ending: Ending;
  #ended = false;
  #peerEnded = false;
  /** The peer neither sends nor takes anything any more. */
  #peerGone = false;
  #over = false;
  #active = false;
  #sentWhenActive = 0;
  #grace: NodeJS.Timeout | null = null;

  /** Takes over the wire of a connection that is upgraded, or will be before the first byte is sent. */
  constructor(wire: Wire, masking: Masking, ending: Ending, receiver: StreamReceiver) {
    this.#wire = wire;
    this.#window = new SocketWindow(wire);
    this.#ending = ending;
    this.receiver = receiver;
    this.#link = new WebSocketLink(wire, masking, {
      text: true,
      empty: () => this.#finished(),
    });
    this.#sender = new MessageSender(this.#link, () => {
      if (!this.#over) this.receiver.drained();
    });
    this.#link.receive({
      bytes: (slab, start, end) => this.#deliver(slab, start, end),
      closed: (error) => (error === null ? this.#gone() : this.#lost(error)),
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
    this.receiver.data(slab, start, end);
  }

  credit(n: number): void {
    this.#window.credit(n);
  }

  /** The peer's direction has ended; ours goes on. */
  #finished(): void {
    if (this.#over || this.#peerEnded) return;
    if (this.#ending === 'nothing') return this.ended();
    this.#peerEnded = true;
    this.receiver.finished();
    if (this.#ended) this.#closeInOrder();
  }

  /** The socket's end. Protocols that close without a word take it for an orderly one. */
  ended(): void {
    if (this.#ending === 'message' && !this.#over) {
      this.#break(new SallyportError('LINK_LOST', 'link: the peer closed the connection'));
    } else {
      this.#gone();
      this.#wire.endAndDestroy();
    }
  }

  closed(error: Error | null): void {
    this.#link.closed(error);
    this.onClosed?.();
  }

  /** A peer that has left in order is lost as a matter of course. */
  #lost(error: SallyportError): void {
    if (!this.#peerGone) this.#break(error);
  }

  /** What the peer sent is whole. What is still sent to it is lost, which its sender has to learn. */
  #gone(): void {
    if (this.#over || this.#peerGone) return;
    this.#peerGone = true;
    const already = this.#peerEnded;
    this.#peerEnded = true;
    this.#grace = setTimeout(() => this.#break(peerLeft), GONE_PEER_GRACE_MS).unref();
    if (!already) this.receiver.finished();
    if (this.#ended) this.#leave('ok');
  }

  // ---- Sending ----

  get writable(): boolean {
    return this.#sender.writable;
  }

  get over(): boolean {
    return this.#over;
  }

  write(slab: Slab, start: number, end: number): void {
    if (!this.#mayStart(end - start)) return;
    this.#sender.write(slab, start, end);
  }

  send(bytes: Buffer): void {
    if (!this.#mayStart(bytes.length)) return;
    this.#sender.send(bytes);
  }

  #mayStart(n: number): boolean {
    if (this.#over || this.#ended || n === 0) return false;
    if (this.#peerGone) {
      this.#break(peerLeft);
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
    else if (this.#ending === 'close') {
      if (!this.#peerEnded) {
        this.#peerEnded = true;
        this.receiver.finished();
      }
      this.#leave('ok');
      this.#wire.afterWrites(() => this.#wire.endAndDestroy());
    } else if (this.#ending === 'message') {
      this.#link.sendEmpty();
      if (this.#peerEnded) this.#closeInOrder();
    }
  }

  /** Both directions have ended. */
  #closeInOrder(): void {
    if (this.#over) return;
    this.#leave('ok');
    this.#wire.afterWrites(() => this.#link.close(null));
  }

  reset(why?: SallyportError): void {
    if (this.#over) return;
    this.#leave(why ?? 'closed');
    this.#link.close(why ?? brokenOff);
  }

  #break(error: SallyportError): void {
    if (this.#over) return;
    this.#leave(error);
    this.#link.close(error);
    this.receiver.reset(error);
  }

  #leave(end: StreamEnd): void {
    this.#over = true;
    clearTimeout(this.#grace ?? undefined);
    this.onOver?.(end);
    this.#window.open();
  }

  // ---- Signs of life, for a heartbeat ----

  /**
   * A peer that is not read from cannot give any, and one that has not read what it was sent cannot
   * see a ping yet: whether that one is there is for TCP to say.
   */
  takeActivity(): boolean {
    if (!this.#active) return this.#window.paused || this.bytesSent !== this.#sentWhenActive;
    this.#active = false;
    this.#sentWhenActive = this.bytesSent;
    return true;
  }

  ping(): void {
    this.#link.ping();
  }

  close(error: SallyportError | null): void {
    if (this.#over) this.#wire.destroy();
    else this.#break(error ?? brokenOff);
  }
}

const brokenOff = new SallyportError('STREAM_RESET', 'stream: broken off by the other end');
const peerLeft = new SallyportError('STREAM_RESET', 'stream: its other end has left');
