/**
 * TLS passed through to services by server name. The server reads the ClientHello and no more: the
 * keys are the service's, and every byte goes on as it came.
 */
import { SallyportError } from '../../errors.ts';
import { CLIENT_HELLO_MAX_BYTES, CLIENT_HELLO_TIMEOUT_MS } from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import type { ConnectionCount } from '../../net/connection-count.ts';
import { quoted } from '../../net/printable.ts';
import type { ProxyEndpoints } from '../../net/proxy-protocol-decode.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import type { Logger } from '../../observe/logger.ts';
import { openListener } from '../tcp/listener.ts';
import { Prefaces, type PrefaceKind } from '../tcp/preface.ts';
import { logRefusal, openPublicStream, type StreamDoor } from '../tcp/public-stream.ts';
import { parseClientHello, type ClientHello } from './client-hello.ts';
import { ServerNames } from './server-names.ts';

export interface TlsPassthroughOptions extends StreamDoor {
  readonly listen: HostPort;
  /** Whether connections of this peer begin with a PROXY header; then they must. Absent: none do. */
  readonly proxyProtocolFrom?: (ip: string) => boolean;
  /** Refuses what is too much. Absent: there is no limit. */
  readonly connections?: ConnectionCount;
  readonly log: Pick<Logger, 'warn'>;
}

export interface TlsPassthrough {
  /** Where it listens, with the port that was picked. */
  readonly address: HostPort;
  /**
   * Leads a server name to a service: `app.example.com`, or `*.example.com` for every name below it.
   * Throws HOST_TAKEN when another service has it, USAGE when it is no host name.
   */
  add(name: string, service: string): void;
  /** Takes back one `add`; after the last the name is free. Open connections go on. */
  remove(name: string, service: string): void;
  /** Every name, `*.` and a domain among them, with its service. */
  list(): { name: string; service: string }[];
  /** Stops listening and closes the connections that have no stream yet. */
  close(): void;
}

const clientHello: PrefaceKind<ClientHello> = {
  name: 'ClientHello',
  maxBytes: CLIENT_HELLO_MAX_BYTES,
  timeoutMs: CLIENT_HELLO_TIMEOUT_MS,
  parse: parseClientHello,
  // The service gets to read it too.
  consumed: () => 0,
};

/** A record with the fatal alert unrecognized_name (112): RFC 6066, section 3; RFC 8446, section 6. */
const unrecognizedName = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/** Listens. Rejects with PORT_TAKEN or LISTEN_FAILED. */
export async function createTlsPassthrough(
  options: TlsPassthroughOptions,
): Promise<TlsPassthrough> {
  const names = new ServerNames();
  const prefaces = new Prefaces();

  function arrived(wire: Wire, endpoints: ProxyEndpoints): WireReader {
    const startedAt = performance.now();
    const refused = (error: SallyportError): void => {
      logRefusal(options, null, {
        consumer: endpoints.source,
        ms: Math.round(performance.now() - startedAt),
        error,
      });
    };
    prefaces.await(wire, clientHello, {
      complete({ serverName }) {
        const service = serverName === null ? null : names.find(serverName);
        if (service !== null) return openPublicStream(wire, service, endpoints, options);
        wire.write(unrecognizedName);
        wire.endAndDestroy();
        refused(unknownName(serverName));
        return null;
      },
      failed(error) {
        if (error !== null) refused(error);
      },
    });
    return wire.reader;
  }

  const listener = await openListener(
    options.listen,
    { ...options, prefaces },
    {
      arrived,
      refused: (refusal) => logRefusal(options, null, refusal),
    },
  );
  return {
    address: { host: options.listen.host, port: listener.port },
    add: (name, service) => names.add(name, service),
    remove: (name, service) => names.remove(name, service),
    list: () => names.list(),
    close() {
      listener.close();
      prefaces.close();
    },
  };
}

function unknownName(serverName: string | null): SallyportError {
  const what =
    serverName === null
      ? 'the client names no server'
      : `no service is reachable as ${quoted(serverName)}`;
  return new SallyportError('ROUTE_UNKNOWN', `TLS passthrough: ${what}`);
}
