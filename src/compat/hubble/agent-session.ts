/** One connection of a Hubble agent to its proxy: handshake, then sessions in both directions. */
import { randomUUID } from 'node:crypto';
import type { Wish } from '../../consumer/consumer.ts';
import { isErrorCode, SallyportError } from '../../errors.ts';
import { FAILURE_MESSAGE_MAX_CHARS, HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { parseDialAddress } from '../../net/address.ts';
import { readRest } from '../../net/wire.ts';
import { printable, quoted } from '../../net/printable.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream } from '../../session/session.ts';
import type { DialledWebSocket } from '../../transport/websocket/dial.ts';
import { WebSocketLink } from '../../transport/websocket/link.ts';
import { openIncoming, type IncomingContext } from './incoming-session.ts';
import {
  packHandshake,
  packInitiator,
  type Ack,
  type Handshake,
  type Initiator,
} from './messages.ts';
import { HubbleMux, type MuxEvents } from './mux.ts';

export class AgentSession implements MuxEvents {
  readonly link: WebSocketLink;
  /** Resolves when the proxy took the handshake, rejects with why not. */
  readonly welcomed: Promise<void>;
  /** Resolves when the connection is over: null after a clean end. */
  readonly over: Promise<SallyportError | null>;
  readonly #mux: HubbleMux;
  readonly #context: IncomingContext;
  readonly #welcome = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<SallyportError | null>();
  readonly #timer: NodeJS.Timeout;

  constructor({ wire, rest, masking }: DialledWebSocket, context: IncomingContext) {
    this.#context = context;
    this.welcomed = this.#welcome.promise;
    this.welcomed.catch(() => {});
    this.over = this.#end.promise;
    this.link = new WebSocketLink(wire, masking);
    this.#timer = setTimeout(() => {
      const why = `no answer within ${HANDSHAKE_TIMEOUT_MS} ms`;
      this.close(new SallyportError('HANDSHAKE_TIMEOUT', `hubble handshake: ${why}`));
    }, HANDSHAKE_TIMEOUT_MS);
    this.#mux = new HubbleMux(this.link, true, this);
    readRest(this.link, rest);
    wire.resume();
  }

  /** Says who this is; `welcomed` tells what came of it. */
  greet(name: string, key: string): void {
    this.#mux.send(packHandshake(name, key));
  }

  greeted(message: Handshake | Ack): void {
    clearTimeout(this.#timer);
    const { ok, message: text, knowsEnd } = message as Ack;
    this.#mux.knowsEnd = knowsEnd;
    if (ok) return this.#welcome.resolve();
    const refusal = refusalOf(text);
    this.#welcome.reject(refusal);
    this.close(null);
  }

  asked(initiator: Initiator): void {
    openIncoming(this.#mux, initiator, this.#context);
  }

  closed(error: SallyportError | null): void {
    clearTimeout(this.#timer);
    const why =
      error ?? new SallyportError('SERVER_UNREACHABLE', 'hubble: the proxy closed the connection');
    this.#welcome.reject(why);
    this.#end.resolve(error);
  }

  /** Opens a session; without a target the service's own is asked for. */
  open({ service, target, key = '' }: Wish, receiver: UpstreamReceiver): Stream {
    const guid = randomUUID();
    const { host, port } =
      target === undefined ? { host: '0.0.0.0', port: 0 } : parseDialAddress(target, 'target');
    const initiator = packInitiator({ guid, gatename: service, key, host, port });
    return this.#mux.open(guid, initiator, receiver);
  }

  close(error: SallyportError | null): void {
    this.#mux.close(error);
  }
}

/** Codes are those of our own proxy. */
function refusalOf(text: string): SallyportError {
  const colon = text.indexOf(': ');
  const code = text.slice(0, colon);
  if (isErrorCode(code))
    return new SallyportError(code, printable(text.slice(colon + 2, FAILURE_MESSAGE_MAX_CHARS)));
  const version = text.startsWith('Invalid protocol version');
  return new SallyportError(
    version ? 'VERSION_UNSUPPORTED' : 'DENIED',
    `hubble handshake: refused with ${quoted(text)}`,
  );
}
