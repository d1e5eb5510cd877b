/** A tunnel at the server: a client's WebSocket, joined to one stream of the direct addresses. */
import type { Identity } from '../../access/identity.ts';
import { DIRECT_SERVICE } from '../../access/service-name.ts';
import { asSallyportError, type SallyportError } from '../../errors.ts';
import { readRest, type Wire } from '../../net/wire.ts';
import type { Gate } from '../../registry/gate.ts';
import { Relay } from '../../session/relay.ts';
import { ADDRESS_REFUSED } from './protocol.ts';
import { SokkenStream, type SokkenPeer } from './stream.ts';

/** Who wants a tunnel, and where to. */
export interface TunnelRequest {
  readonly id: string;
  /** As it was asked for. */
  readonly target: string;
  /** The same in the form that is judged and dialled, where it is an allowed one. */
  readonly address: string;
  /** `ip:port`. */
  readonly client: string;
  /** What proxies say of the client, as it came; null: nothing. */
  readonly forwardedFor: string | null;
  /** What the client calls itself; null: nothing. */
  readonly clientName: string | null;
  /** Null: nobody has said who it is. */
  readonly identity: Identity | null;
}

export interface TunnelEvents {
  /** The address is allowed, and dialled. */
  dialing(tunnel: Tunnel): void;
  /** Both ends are connected. */
  joined(tunnel: Tunnel): void;
  /** Both ends are done with. `error` is null when they ended in order. */
  over(tunnel: Tunnel, error: SallyportError | null): void;
  /** The client's socket is gone: the last call. */
  closed(tunnel: Tunnel): void;
}

export class Tunnel {
  readonly request: TunnelRequest;
  readonly stream: SokkenStream;
  readonly startedAt = performance.now();
  /** Both ends are connected, or were. */
  joined = false;
  #client: SokkenPeer;
  #events: TunnelEvents;
  #relay: Relay;

  /** Takes the wire over, which is upgraded. */
  constructor(wire: Wire, client: SokkenPeer, request: TunnelRequest, events: TunnelEvents) {
    this.request = request;
    this.#client = client;
    this.#events = events;
    this.stream = new SokkenStream(wire, 'none', client, unheard);
    this.stream.onClosed = () => events.closed(this);
    this.#relay = new Relay(this.stream, {
      accepted: () => {
        this.joined = true;
        events.joined(this);
      },
      refused: (error) => this.#refuse(error),
      over: (_, error) => events.over(this, error),
    });
    this.stream.receiver = this.#relay.up;
  }

  /** Opens the stream; `rest` is what came behind the upgrade. */
  start(gate: Gate, rest: Buffer): void {
    const { id, address: target, client: consumer, identity } = this.request;
    const wish = { service: DIRECT_SERVICE, kind: 'tcp', target, consumer, id } as const;
    try {
      const { stream } = gate.open(wish, this.#relay.down, { caller: identity });
      this.#relay.join(stream);
    } catch (thrown) {
      this.#relay.over(asSallyportError(thrown), null);
      return;
    }
    this.#events.dialing(this);
    readRest(this.stream, rest);
  }

  #refuse(error: SallyportError): void {
    const older = this.#client === 'older-client';
    const noAddress = error.code === 'TARGET_DENIED' || error.code === 'USAGE';
    if (older && noAddress) this.stream.closeWith(...ADDRESS_REFUSED);
    else this.stream.reset(error);
  }

  // ---- Signs of life, for a heartbeat ----

  takeActivity(): boolean {
    return this.stream.takeActivity();
  }

  ping(): void {
    this.stream.ping();
  }

  close(error: SallyportError | null): void {
    this.stream.close(error);
  }
}

/** Nothing is read before the relay receives. */
const unheard = { data() {}, finished() {}, reset() {}, drained() {} };
