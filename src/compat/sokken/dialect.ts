/** The server of the tool «sokken»: clients name one of its addresses, and are joined to it. */
import { DIRECT_SERVICE } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import { SOKKEN_CONNECTIONS_MAX, SOKKEN_HEARTBEAT_MS } from '../../limits.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { DialectFactory } from '../dialect.ts';
import { createDirectAddresses } from './addresses.ts';
import { createAdmission } from './admission.ts';
import { DirectUpstream } from './direct-upstream.ts';
import { createEndpoints } from './endpoints.ts';
import { createTunnels, type SokkenEvents } from './tunnels.ts';

export interface SokkenOptions {
  /** What clients may have dialled: `HOST:PORT`, and without a host this machine. */
  readonly allow: readonly string[];
  /** Tunnels at once. Default: SOKKEN_CONNECTIONS_MAX. */
  readonly maxConnections?: number;
  /** Whether clients have to present a token of the server. Default: token. */
  readonly auth?: 'token' | 'none';
  /** Time between signs of life. Default: SOKKEN_HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
  /** For a log of its own. Default: nobody is told. */
  readonly events?: SokkenEvents;
}

/** The factory throws USAGE for an address that is none, and NAME_TAKEN when another has the service's name. */
export function createSokkenDialect(options: SokkenOptions): DialectFactory {
  const { allow, maxConnections = SOKKEN_CONNECTIONS_MAX, auth = 'token' } = options;
  return (host) => {
    const addresses = createDirectAddresses(allow);
    const upstream = new DirectUpstream(addresses);
    const { registry } = host;
    registry.join(DIRECT_SERVICE, upstream, {
      kind: 'tcp',
      exclusive: 'first',
      balance: 'round-robin',
    });
    if (auth === 'none')
      host.log.warn(
        {},
        'sokken: clients need no token; whoever comes may reach each listed address',
      );
    const heartbeat = createHeartbeat(options.heartbeatMs ?? SOKKEN_HEARTBEAT_MS);
    const tunnels = createTunnels({
      host,
      heartbeat,
      max: maxConnections,
      ...(options.events === undefined ? {} : { events: options.events }),
    });
    let draining = false;
    const checkOpen = (): void => {
      if (draining)
        throw new SallyportError('SERVER_DRAINING', 'sokken: the server is shutting down');
    };
    const endpoints = createEndpoints({
      admit: createAdmission(host, auth),
      addresses,
      tunnels,
      max: maxConnections,
      newId: host.newId,
      checkOpen,
    });
    return {
      name: 'sokken',
      endpoints,
      get active() {
        return tunnels.active;
      },
      drain: () => void (draining = true),
      close() {
        tunnels.close();
        registry.forget(DIRECT_SERVICE, upstream);
        upstream.close();
        heartbeat.close();
      },
    };
  };
}
