/** All tunnels of the server: how many there are, and what is told of them. */
import { DIRECT_SERVICE } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import type { Outcome } from '../../observe/access-log.ts';
import type { Wire } from '../../net/wire.ts';
import type { Heartbeat } from '../../session/heartbeat.ts';
import type { DialectHost } from '../dialect.ts';
import type { SokkenPeer } from './stream.ts';
import { Tunnel, type TunnelEvents, type TunnelRequest } from './tunnel.ts';

/** What a log of its own is told. `active`: tunnels at that moment. */
export interface SokkenEvents {
  /** There was no room for it. */
  rejected(client: string, active: number): void;
  dialing(request: TunnelRequest): void;
  joined(request: TunnelRequest, active: number): void;
  /** It never stood: its address is not allowed, or was not reached. */
  failed(request: TunnelRequest, error: SallyportError): void;
  /** `error` is null when both ends were in order; `ms`: how long it stood. */
  over(request: TunnelRequest, active: number, ms: number, error: SallyportError | null): void;
}

export interface TunnelsOptions {
  readonly host: Pick<DialectHost, 'gate' | 'accessLog'>;
  readonly heartbeat: Heartbeat;
  readonly max: number;
  readonly events?: SokkenEvents;
}

export interface Tunnels {
  readonly active: number;
  /** Throws LIMIT_REACHED when there is no room for another. */
  checkRoom(client: string): void;
  /** Opens a tunnel on a wire that is upgraded. It counts from now on, until both its ends are done with. */
  open(wire: Wire, rest: Buffer, peer: SokkenPeer, request: TunnelRequest): void;
  close(): void;
}

export function createTunnels({ host, heartbeat, max, events }: TunnelsOptions): Tunnels {
  const open = new Set<Tunnel>();

  const own: TunnelEvents = {
    dialing: ({ request }) => events?.dialing(request),
    joined: ({ request }) => events?.joined(request, open.size),

    over(tunnel, error) {
      open.delete(tunnel);
      const { request, stream, startedAt, joined } = tunnel;
      const ms = Math.round(performance.now() - startedAt);
      const outcome: Outcome = error === null ? 'ok' : error.code;
      host.accessLog.stream({
        id: request.id,
        service: DIRECT_SERVICE,
        consumer: request.client,
        target: request.target,
        bytesUp: stream.bytesReceived,
        bytesDown: stream.bytesSent,
        ms,
        outcome,
        ...(error === null ? {} : { error: error.message }),
      });
      if (joined) events?.over(request, open.size, ms, error);
      else if (error !== null) events?.failed(request, error);
    },

    closed: (tunnel) => heartbeat.remove(tunnel),
  };

  return {
    get active() {
      return open.size;
    },

    checkRoom(client) {
      if (open.size < max) return;
      events?.rejected(client, open.size);
      throw new SallyportError('LIMIT_REACHED', `sokken: ${open.size} tunnels are open already`);
    },

    open(wire, rest, peer, request) {
      const tunnel = new Tunnel(wire, peer, request, own);
      open.add(tunnel);
      heartbeat.add(tunnel);
      tunnel.start(host.gate, rest);
    },

    close() {
      const error = new SallyportError('SERVER_DRAINING', 'sokken: the server is shutting down');
      for (const tunnel of open) tunnel.close(error);
    },
  };
}
