/** The server's side of an attached session: hello, registrations, and the streams of consumers. */
import type { Identity } from '../access/identity.ts';
import { missingRole } from '../access/scopes.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import { CONTROL_UNREAD_MAX_BYTES, HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import type { Heartbeat } from '../session/heartbeat.ts';
import { MostlyOne } from '../session/mostly-one.ts';
import type { Session, SessionEvents, Stream, StreamReceiver } from '../session/session.ts';
import { YamuxSession } from '../session/yamux/session.ts';
import type { Link } from '../transport/link.ts';
import { AgentUpstream } from './agent-upstream.ts';
import { encodeMessage, MessageReader, type MessageHandler } from './message-reader.ts';
import {
  failureOf,
  PROTOCOL_VERSION,
  readControlMessage,
  type ControlMessage,
  type Hello,
  type Registered,
  type ServiceOffer,
} from './messages.ts';

/** What the server does for its sessions. */
export interface SessionHost {
  readonly program: string;
  readonly heartbeat: Heartbeat;
  /** Said hello: may close an older session of the same instance, or throw REPLACED when this is the older. */
  attached(session: ServerSession): void;
  /** Registers a service of this agent. Rejects with the refusal. */
  register(session: ServerSession, service: ServiceOffer): Promise<Registered>;
  unregister(session: ServerSession, name: string): void;
  /** A stream of a consumer. */
  accept(session: ServerSession, stream: Stream): StreamReceiver;
  /** No new streams for this agent: it is leaving, or gone. */
  left(session: ServerSession): void;
  /** The session is over. */
  detached(session: ServerSession, error: SallyportError | null): void;
}

export class ServerSession implements MessageHandler, SessionEvents {
  readonly id: string;
  /** As it is known by now: a reload may have changed its scopes. */
  identity: Identity;
  /** `ip:port` of the client. */
  readonly peer: string;
  readonly upstream: AgentUpstream;
  readonly session: Session;
  /** Milliseconds since 1970, UTC. */
  readonly attachedAt = Date.now();
  /** Set once hello has come. */
  hello: Hello | null = null;
  #host: SessionHost;
  #control: Stream | null = null;
  /** Under which number each service was registered. */
  #refs = new MostlyOne<string, number>();
  /** Bytes of answers sent since the control stream was last writable. */
  #unread = 0;
  #timer: NodeJS.Timeout | null;

  constructor(id: string, link: Link, identity: Identity, peer: string, host: SessionHost) {
    this.id = id;
    this.identity = identity;
    this.peer = peer;
    this.#host = host;
    this.session = new YamuxSession(link, {
      client: false,
      events: this,
    });
    this.upstream = new AgentUpstream(id, this.session);
    this.#timer = setTimeout(() => {
      this.session.close(
        new SallyportError('HANDSHAKE_TIMEOUT', `hello: none within ${HANDSHAKE_TIMEOUT_MS} ms`),
      );
    }, HANDSHAKE_TIMEOUT_MS);
  }

  /** Tells the client to dial again, and takes no new streams from it. */
  drain(): void {
    this.#send({ type: 'drain' });
    this.session.goAway();
  }

  /**
   * Tells an agent that a service of its is no longer registered: its registration is refused after
   * all. Does nothing when it has no such service.
   */
  withdraw(service: string, error: SallyportError): void {
    const ref = this.#refs.get(service);
    if (ref === undefined) return;
    this.#refs.delete(service);
    this.#host.unregister(this, service);
    const { code, message } = failureOf(error);
    this.#send({ type: 'error', ref, code, message });
  }

  // ---- The session ----

  accept(stream: Stream): StreamReceiver {
    if (this.#control === null) {
      this.#control = stream;
      return new MessageReader(stream, this);
    }
    if (this.hello?.role === 'consumer') return this.#host.accept(this, stream);
    throw new SallyportError(
      'PROTOCOL_MESSAGE',
      'session: only a consumer that said hello opens data streams',
    );
  }

  goneAway(): void {
    this.#host.left(this);
  }

  closed(error: SallyportError | null): void {
    this.#stopTimer();
    this.#host.heartbeat.remove(this.session);
    this.#host.left(this);
    this.#host.detached(this, error);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #send(message: ControlMessage): void {
    const control = this.#control;
    if (control === null) return;
    const bytes = encodeMessage(message);
    control.send(bytes);
    if (control.writable) return;
    this.#unread += bytes.length;
    if (this.#unread <= CONTROL_UNREAD_MAX_BYTES) return;
    this.session.close(
      new SallyportError('PROTOCOL_MESSAGE', 'session: the client does not read its answers'),
    );
  }

  // ---- The control stream ----

  message(value: unknown): null {
    const message = readControlMessage(value);
    if (message.type === 'hello') this.#hello(message);
    else if (this.hello === null) throw unexpected(message, 'before hello');
    else if (message.type === 'register') void this.#register(message.ref, message.service);
    else if (message.type === 'unregister') this.#unregister(message.name);
    else throw unexpected(message, 'from a client');
    return null;
  }

  #hello(hello: Hello): void {
    if (this.hello !== null) throw unexpected(hello, 'a second time');
    if (hello.version !== PROTOCOL_VERSION) {
      const known = `this server speaks version ${PROTOCOL_VERSION}`;
      throw new SallyportError(
        'VERSION_UNSUPPORTED',
        `hello: protocol version ${hello.version}; ${known}`,
      );
    }
    const denied = missingRole(this.identity, hello.role);
    if (denied !== null) throw denied;
    this.#stopTimer();
    this.hello = hello;
    this.#host.attached(this);
    this.#send({
      type: 'welcome',
      version: PROTOCOL_VERSION,
      session: this.id,
      program: this.#host.program,
      features: [],
    });
    this.#host.heartbeat.add(this.session);
  }

  #unregister(name: string): void {
    this.#refs.delete(name);
    this.#host.unregister(this, name);
  }

  async #register(ref: number, service: ServiceOffer): Promise<void> {
    try {
      if (this.hello!.role !== 'agent')
        throw new SallyportError('DENIED', 'register: a consumer offers no services');
      const answer = await this.#host.register(this, service);
      this.#refs.set(service.name, ref);
      this.#send({ ...answer, ref });
    } catch (thrown) {
      const { code, message } = failureOf(asSallyportError(thrown));
      this.#send({ type: 'error', ref, code, message });
    }
  }

  /** The session cannot go on: the client is told why, then the link ends. */
  broken(error: SallyportError): void {
    this.session.close(error);
  }

  finished(): void {
    this.session.close(null);
  }

  reset(): void {
    this.session.close(
      new SallyportError('PROTOCOL_MESSAGE', 'session: the control stream was reset'),
    );
  }

  drained(): void {
    this.#unread = 0;
  }
}

function unexpected(message: ControlMessage, when: string): SallyportError {
  return new SallyportError('PROTOCOL_MESSAGE', `message: ${message.type} ${when}`);
}
