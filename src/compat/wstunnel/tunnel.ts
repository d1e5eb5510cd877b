/**
 * A connected agent of WStunnel: requests go out as messages with an id, responses come back with
 * the same ids, in any order. Each message is whole before the next one begins.
 */
import { SallyportError } from '../../errors.ts';
import { WSTUNNEL_REQUESTS_MAX } from '../../limits.ts';
import { Chain } from '../../net/chain.ts';
import { HEADROOM, type Slab } from '../../net/slab.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream } from '../../session/session.ts';
import type { LinkReceiver } from '../../transport/link.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import type { HeldBytes } from './held-bytes.ts';
import { ID_BYTES, parseId, writeId } from './message-id.ts';
import { MessageStream, type MessageCarrier } from './message-stream.ts';
import type { RequestGathering } from './request-gathering.ts';
import { SentRequests } from './sent-requests.ts';

export interface TunnelEvents {
  /** Something came from the agent. */
  active(): void;
  /** A request of this consumer goes to it. */
  asked(consumer: string): void;
  /** It is gone: its requests are told behind this. The last call. */
  closed(error: SallyportError | null): void;
}

export class Tunnel implements Upstream, MessageCarrier, LinkReceiver {
  readonly id: string;
  readonly held: HeldBytes;
  readonly #link: WebSocketLink;
  readonly #events: TunnelEvents;
  readonly #open = new Chain<MessageStream>();
  readonly #sent = new SentRequests<MessageStream>();
  #digits = '';
  /** Whose response is arriving. */
  #answered: MessageStream | null = null;
  #closed = false;

  constructor(id: string, link: WebSocketLink, held: HeldBytes, events: TunnelEvents) {
    this.id = id;
    this.held = held;
    this.#link = link;
    this.#events = events;
    link.receive(this);
  }

  // ---- The upstream ----

  /** Requests under way. */
  get streams(): number {
    return this.#open.size;
  }

  open({ service, target, consumer }: StreamRequest, receiver: UpstreamReceiver): Stream {
    if (target !== undefined) {
      const why = 'an agent of WStunnel sends requests to the server of its own only';
      throw new SallyportError('TARGET_DENIED', `service ${service}: ${why}`);
    }
    if (this.#closed)
      throw new SallyportError('SESSION_CLOSED', `service ${service}: it is closed`);
    if (this.#open.size >= WSTUNNEL_REQUESTS_MAX) {
      const why = `${WSTUNNEL_REQUESTS_MAX} requests are under way in its tunnel`;
      throw new SallyportError('SERVER_BUSY', `service ${service}: ${why}`);
    }
    const stream = new MessageStream(this, receiver);
    this.#open.add(stream);
    this.#events.asked(consumer);
    return stream;
  }

  // ---- Requests ----

  dispatch(stream: MessageStream, { pieces, length }: RequestGathering): void {
    const id = this.#sent.add(stream);
    const bytes = Buffer.allocUnsafe(HEADROOM + ID_BYTES + length);
    writeId(bytes, HEADROOM, id);
    let at = HEADROOM + ID_BYTES;
    for (const piece of pieces) at += piece.copy(bytes, at);
    this.#link.gather();
    if (this.#link.send(bytes, HEADROOM, bytes.length)) this.held.give(length);
    else this.#link.afterSends(() => this.held.give(length));
  }

  left(stream: MessageStream): void {
    this.#open.delete(stream);
    if (stream.messageId >= 0) this.#sent.abandon(stream);
  }

  // ---- Responses ----

  bytes(slab: Slab, start: number, end: number): void {
    let at = start;
    if (this.#digits.length < ID_BYTES) {
      const more = Math.min(ID_BYTES - this.#digits.length, end - start);
      this.#digits += slab.bytes.toString('latin1', start, start + more);
      at += more;
      if (this.#digits.length < ID_BYTES) return;
      this.#answered = this.#sent.find(parseId(this.#digits));
    }
    if (at < end) this.#answered?.response(slab, at, end);
  }

  messageEnded(): void {
    const stream = this.#answered;
    const id = parseId(this.#digits);
    this.#digits = '';
    this.#answered = null;
    this.#sent.delete(id);
    stream?.responded();
  }

  closed(error: SallyportError | null): void {
    this.#closed = true;
    const lost = new SallyportError(
      'LINK_LOST',
      'wstunnel: the tunnel closed before the response came',
      { cause: error },
    );
    // Others first: what is sent once more must not come here again.
    this.#events.closed(error);
    for (const stream of this.#open.list()) stream.broken(lost);
  }

  // ---- Signs of life, for a heartbeat ----

  takeActivity(): boolean {
    const active = this.#link.takeActivity();
    if (active) this.#events.active();
    return active;
  }

  ping(): void {
    this.#link.ping();
  }

  close(error: SallyportError | null): void {
    this.#link.close(error);
  }
}
