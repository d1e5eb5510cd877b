/**
 * The sessions of one Hubble link, at either end of it.
 *
 * The protocol has no windows: data comes whether or not its session's reader keeps up. So much of it
 * may wait that a slow reader disturbs nobody for a while; beyond that the link is not read, and a
 * reader that takes nothing meanwhile loses its session.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import {
  HUBBLE_DATA_BYTES,
  HUBBLE_STALL_MS,
  HUBBLE_UNTAKEN_MAX_BYTES,
  PEER_STREAMS_MAX,
} from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import { readData, type DataView } from './data-message.ts';
import { MessageLink, type MessageReceiver } from './message-link.ts';
import {
  packAck,
  packClosed,
  packTerminator,
  readMessage,
  type Ack,
  type Ending,
  type Handshake,
  type Initiator,
} from './messages.ts';
import { refusalError, refusalText } from './refusal.ts';
import { HubbleStream, type SessionCarrier } from './stream.ts';

export interface MuxEvents {
  /** The handshake of an agent, or the answer to ours. Until it has come nothing else may. */
  greeted(message: Handshake | Ack): void;
  /** The other end asks for a session, which is then accepted; what this throws is its refusal. */
  asked(initiator: Initiator): void;
  /** The link is over, and so is every session. */
  closed(error: SallyportError | null): void;
}

export class HubbleMux implements MessageReceiver, SessionCarrier {
  readonly link: WebSocketLink;
  readonly towardsProxy: boolean;
  /** Set when the other end says so in its greeting. */
  knowsEnd = false;
  readonly #messages: MessageLink;
  readonly #events: MuxEvents;
  readonly #sessions = new Map<string, HubbleStream>();
  readonly #waiting = new Set<HubbleStream>();
  readonly #view: DataView = { guid: '', order: 0, start: 0, end: 0 };
  #greeted = false;
  #untaken = 0;
  #stalled: NodeJS.Timeout | null = null;
  #over: SallyportError | null = null;

  constructor(link: WebSocketLink, towardsProxy: boolean, events: MuxEvents) {
    this.link = link;
    this.towardsProxy = towardsProxy;
    this.#events = events;
    this.#messages = new MessageLink(link, this);
    link.receive(this.#messages);
  }

  get streams(): number {
    return this.#sessions.size;
  }

  has(guid: string): boolean {
    return this.#sessions.has(guid);
  }

  /** Sends a message that opens a session of that id. Throws SESSION_CLOSED or TOO_MANY_STREAMS. */
  open(guid: string, initiator: Buffer, receiver: UpstreamReceiver): HubbleStream {
    const stream = this.#add(new HubbleStream(this, guid, true, receiver));
    this.#messages.send(initiator);
    return stream;
  }

  /** The session that was asked for; its `answer` follows. Throws TOO_MANY_STREAMS. */
  accept(initiator: Initiator, receiver: UpstreamReceiver): HubbleStream {
    return this.#add(new HubbleStream(this, initiator.guid, false, receiver));
  }

  #add(stream: HubbleStream): HubbleStream {
    if (this.#over !== null) throw this.#over;
    if (this.#sessions.size >= PEER_STREAMS_MAX) {
      const why = `${PEER_STREAMS_MAX} sessions are open`;
      throw new SallyportError('TOO_MANY_STREAMS', `hubble link: ${why}`);
    }
    this.#sessions.set(stream.guid, stream);
    return stream;
  }

  /** Sends a message of no session. */
  send(message: Buffer): void {
    this.#messages.send(message);
  }

  close(error: SallyportError | null): void {
    this.link.close(error);
  }

  // ---- What sessions need ----

  get writable(): boolean {
    return this.#messages.writable;
  }

  sendData(guid: string, order: number, data: Buffer): number {
    let last = order;
    for (let at = 0; at < data.length; at += HUBBLE_DATA_BYTES)
      this.#messages.sendData(data.subarray(at, at + HUBBLE_DATA_BYTES), guid, ++last);
    return last;
  }

  sendAck(guid: string, refusal: string | null): void {
    this.#messages.send(packAck(guid, refusal));
  }

  sendEnd(guid: string, ending: Ending): void {
    const message =
      this.towardsProxy || ending === 'half'
        ? packClosed(guid, ending)
        : packTerminator(guid, ending);
    this.#messages.send(message);
  }

  wait(stream: HubbleStream): void {
    this.#waiting.add(stream);
    this.#messages.awaitDrain();
  }

  left(stream: HubbleStream): void {
    this.#sessions.delete(stream.guid);
    this.#waiting.delete(stream);
  }

  untaken(bytes: number): void {
    this.#untaken += bytes;
    if (this.#untaken > HUBBLE_UNTAKEN_MAX_BYTES) this.#holdUp();
    else if (this.#stalled !== null && this.#untaken <= HUBBLE_UNTAKEN_MAX_BYTES / 2) this.#goOn();
  }

  #holdUp(): void {
    if (this.#stalled !== null) return;
    this.link.pause();
    for (const stream of this.#sessions.values()) stream.progressed = false;
    this.#stalled = setInterval(() => this.#endStalled(), HUBBLE_STALL_MS).unref();
  }

  #goOn(): void {
    clearInterval(this.#stalled ?? undefined);
    this.#stalled = null;
    this.link.resume();
  }

  /** Ends the sessions that the link waits for and that have taken nothing, the greatest first. */
  #endStalled(): void {
    const greatestFirst = [...this.#sessions.values()].toSorted((a, b) => b.untaken - a.untaken);
    for (const stream of greatestFirst) {
      if (this.#stalled === null) return;
      if (stream.untaken > 0 && !stream.progressed) this.#endOne(stream);
      stream.progressed = false;
    }
  }

  #endOne(stream: HubbleStream): void {
    const why = `its reader took nothing for ${HUBBLE_STALL_MS} ms, and its link waited for it`;
    this.sendEnd(stream.guid, 'reset');
    stream.broken(new SallyportError('STREAM_RESET', `hubble session: ${why}`));
  }

  // ---- Messages ----

  message(slab: Slab, start: number, end: number): void {
    if (this.#greeted && readData(slab.bytes, start, end, this.#view)) {
      const { guid, order } = this.#view;
      this.#sessions.get(guid)?.data(slab, this.#view.start, this.#view.end, order);
      return;
    }
    this.#rare(slab, start, end);
  }

  #rare(slab: Slab, start: number, end: number): void {
    const bytes = slab.bytes.subarray(start, end);
    const message = readMessage(bytes);
    if (!this.#greeted) {
      if (message.type !== (this.towardsProxy ? 'ack' : 'handshake'))
        throw new SallyportError(
          'PROTOCOL_MESSAGE',
          `hubble: ${message.type} before the handshake`,
        );
      this.#greeted = true;
      this.#events.greeted(message);
      return;
    }
    switch (message.type) {
      case 'initiator':
        return this.#asked(message);
      case 'ack':
        return this.#acked(message);
      case 'data': {
        const at = start + (message.data.byteOffset - bytes.byteOffset);
        const stream = this.#sessions.get(message.guid);
        return stream?.data(slab, at, at + message.data.length, message.order);
      }
      case 'terminator':
        // Only proxies say it; the originals pass over one that an agent sends.
        if (this.towardsProxy) this.#sessions.get(message.guid)?.peerEnded(message.ending);
        return;
      case 'closed':
        return this.#sessions.get(message.guid)?.peerEnded(message.ending);
      case 'handshake':
      case 'unknown':
    }
  }

  #asked(initiator: Initiator): void {
    const { guid } = initiator;
    if (guid === '')
      throw new SallyportError('PROTOCOL_MESSAGE', 'hubble session: asked for without an id');
    if (this.#sessions.has(guid)) return this.sendAck(guid, 'the session exists already');
    try {
      this.#events.asked(initiator);
    } catch (thrown) {
      this.sendAck(guid, refusalText(asSallyportError(thrown)));
    }
  }

  #acked({ guid, ok, message }: Ack): void {
    const stream = this.#sessions.get(guid);
    if (ok) stream?.acknowledged();
    else stream?.refused(refusalError(message));
  }

  drained(): void {
    for (const stream of this.#waiting) {
      if (!this.writable) break;
      this.#waiting.delete(stream);
      stream.receiver.drained();
    }
    if (this.#waiting.size > 0) this.#messages.awaitDrain();
  }

  closed(error: SallyportError | null): void {
    const over = error ?? new SallyportError('SESSION_CLOSED', 'hubble link: closed in order');
    this.#over = over;
    for (const stream of this.#sessions.values()) stream.broken(over);
    clearInterval(this.#stalled ?? undefined);
    this.#stalled = null;
    this.#events.closed(error);
  }
}
