/** A Hubble agent at the proxy: it serves a service under its name, and reaches others through rules. */
import { randomUUID } from 'node:crypto';
import type { Identity } from '../../access/identity.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { parseDialAddress } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream } from '../../session/session.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import {
  packInitiator,
  packWelcome,
  VERSION,
  withGuid,
  type Ack,
  type Handshake,
  type Initiator,
} from './messages.ts';
import { HubbleMux, type MuxEvents } from './mux.ts';
import { refusalText } from './refusal.ts';

/** What the proxy does for its gateways. */
export interface GatewayHost {
  /** Finds out who the agent is. Rejects with the refusal. */
  admit(gateway: Gateway, handshake: Handshake): Promise<void>;
  /** Throws when the gateway cannot have its name. */
  check(gateway: Gateway): void;
  /** The gateway was welcomed and serves from now on. */
  welcomed(gateway: Gateway): void;
  /** The agent asks for a session. */
  asked(gateway: Gateway, initiator: Initiator): void;
  /** The opening message that a stream comes from, where that was a Hubble one. Given once. */
  takeInitiator(request: StreamRequest): Initiator | undefined;
  gone(gateway: Gateway, error: SallyportError | null): void;
}

export class Gateway implements Upstream, MuxEvents {
  readonly id: string;
  /** `ip:port` of the agent. */
  readonly peer: string;
  readonly mux: HubbleMux;
  /** Empty before the handshake. */
  name = '';
  identity: Identity | null = null;
  /** Welcomed, and not gone. */
  serving = false;
  readonly #host: GatewayHost;
  #timer: NodeJS.Timeout | null;
  #gone = false;

  constructor(id: string, link: WebSocketLink, peer: string, host: GatewayHost) {
    this.id = id;
    this.peer = peer;
    this.#host = host;
    this.#timer = setTimeout(() => {
      const why = `none within ${HANDSHAKE_TIMEOUT_MS} ms`;
      this.mux.close(new SallyportError('HANDSHAKE_TIMEOUT', `hubble handshake: ${why}`));
    }, HANDSHAKE_TIMEOUT_MS);
    this.mux = new HubbleMux(link, false, this);
  }

  // ---- The agent ----

  greeted(message: Handshake | Ack): void {
    void this.#admit(message as Handshake);
  }

  async #admit(handshake: Handshake): Promise<void> {
    try {
      if (handshake.version !== VERSION)
        return this.#refuse('Invalid protocol version', `version ${quoted(handshake.version)}`);
      this.name = handshake.name;
      this.mux.knowsEnd = handshake.knowsEnd;
      await this.#host.admit(this, handshake);
      if (this.#gone) return;
      this.#host.check(this);
      this.#stopTimer();
      // First of all: an agent takes nothing before its answer, and joining may bring streams at once.
      this.mux.send(packWelcome(null, handshake.knowsEnd));
      this.serving = true;
      this.#host.welcomed(this);
    } catch (thrown) {
      const error = asSallyportError(thrown);
      this.#refuse(refusalText(error), error.message, error);
    }
  }

  #refuse(text: string, why: string, error?: SallyportError): void {
    if (this.#gone) return;
    this.mux.send(packWelcome(text, false));
    this.mux.close(error ?? new SallyportError('VERSION_UNSUPPORTED', `hubble handshake: ${why}`));
  }

  asked(initiator: Initiator): void {
    if (!this.serving)
      throw new SallyportError('DENIED', 'hubble session: asked for before the welcome');
    this.#host.asked(this, initiator);
  }

  closed(error: SallyportError | null): void {
    this.#gone = true;
    this.#stopTimer();
    this.#host.gone(this, error);
    this.serving = false;
  }

  #stopTimer(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  // ---- The upstream ----

  get streams(): number {
    return this.mux.streams;
  }

  /** An operator ends it: the protocol has no words for why. */
  close(error: SallyportError): void {
    this.mux.close(error);
  }

  open(request: StreamRequest, receiver: UpstreamReceiver): Stream {
    if (request.target === undefined) {
      const why = 'a Hubble gateway has no target of its own; name one, such as NAME:127.0.0.1:22';
      throw new SallyportError('USAGE', `service ${this.name}: ${why}`);
    }
    const asked = this.#host.takeInitiator(request);
    if (asked === undefined) {
      const { host, port } = parseDialAddress(request.target, 'target');
      const initiator = {
        guid: randomUUID(),
        gatename: this.name,
        key: request.key ?? '',
        host,
        port,
      };
      return this.mux.open(initiator.guid, packInitiator(initiator), receiver);
    }
    if (!this.mux.has(asked.guid)) return this.mux.open(asked.guid, asked.bytes, receiver);
    // A session of that id is here already: a gateway that opens one to itself, or a made-up id.
    const guid = randomUUID();
    return this.mux.open(guid, withGuid(asked, guid), receiver);
  }
}
