/** The public TCP ports of services. */
import { SallyportError } from '../../errors.ts';
import type { ConnectionCount } from '../../net/connection-count.ts';
import { formatPortRanges, portInRanges, type PortRange } from '../../net/ports.ts';
import type { Logger } from '../../observe/logger.ts';
import { openListener, type Listener } from './listener.ts';
import { Prefaces } from './preface.ts';
import { logRefusal, openPublicStream, type StreamDoor } from './public-stream.ts';

export interface TcpIngressOptions extends StreamDoor {
  /** IP address or host name that the ports are opened on. */
  readonly host: string;
  /** The ports that services may have. */
  readonly ranges: readonly PortRange[];
  /** Whether connections of this peer begin with a PROXY header; then they must. Absent: none do. */
  readonly proxyProtocolFrom?: (ip: string) => boolean;
  /** Refuses what is too much. Absent: there is no limit. */
  readonly connections?: ConnectionCount;
  readonly log: Pick<Logger, 'warn'>;
}

export interface PublicPorts {
  /**
   * Opens a port for a service, one of `within`, which is all of the server's when it is not given; 0
   * is any free one. Answers the port. Rejects with PORT_DENIED, PORT_TAKEN or LISTEN_FAILED.
   */
  listen(port: number, service: string, within?: readonly PortRange[]): Promise<number>;
  /** Closes a port. Connections made before go on as long as their streams do. */
  release(port: number): void;
  /** The ports that are open, or being opened. */
  list(): { port: number; service: string }[];
  /** Closes every port, and the connections that have no stream yet. */
  close(): void;
}

interface Opening {
  readonly service: string;
  readonly listener: Promise<Listener>;
}

export function createTcpIngress(options: TcpIngressOptions): PublicPorts {
  const { host, ranges } = options;
  const ports = new Map<number, Opening>();
  const prefaces = new Prefaces();

  /** Holds the port from the first moment, so that two services that ask at once do not both get it. */
  async function open(port: number, service: string): Promise<number> {
    const holder = ports.get(port);
    if (holder !== undefined && holder.service !== service) {
      throw new SallyportError('PORT_TAKEN', `port ${port}: another service has it`);
    }
    const opening = holder ?? { service, listener: listenFor(service, port) };
    ports.set(port, opening);
    try {
      await opening.listener;
    } catch (error) {
      if (ports.get(port) === opening) ports.delete(port);
      throw error;
    }
    if (ports.get(port) === opening) return port;
    throw new SallyportError(
      'SERVER_DRAINING',
      `port ${port}: given back while it was being opened`,
    );
  }

  function listenFor(service: string, port: number): Promise<Listener> {
    return openListener(
      { host, port },
      { ...options, prefaces },
      {
        arrived: (wire, endpoints) => openPublicStream(wire, service, endpoints, options),
        refused: (refusal) => logRefusal(options, service, refusal),
      },
    );
  }

  /** From a port drawn by lot onwards: where one was opened says nothing about the next. */
  async function openAny(service: string, within: readonly PortRange[]): Promise<number> {
    const candidates = portsOf(ranges).filter((port) => portInRanges(port, within));
    if (candidates.length === 0) {
      const why = `this server opens ports ${formatPortRanges(ranges)} only`;
      throw new SallyportError('PORT_DENIED', `port 0 of ${formatPortRanges(within)}: ${why}`);
    }
    for (const port of fromAnywhere(candidates)) {
      if (ports.has(port)) continue;
      try {
        return await open(port, service);
      } catch (error) {
        if ((error as SallyportError).code !== 'PORT_TAKEN') throw error;
      }
    }
    throw new SallyportError('PORT_TAKEN', `port 0: none of ${formatPortRanges(within)} is free`);
  }

  function shut({ listener }: Opening): void {
    listener.then(
      (opened) => opened.close(),
      () => {},
    );
  }

  return {
    async listen(port, service, within = ranges) {
      if (port === 0) return openAny(service, within);
      const ours = Number.isInteger(port) && portInRanges(port, ranges);
      if (!ours || !portInRanges(port, within)) {
        const may = formatPortRanges(ours ? within : ranges);
        throw new SallyportError('PORT_DENIED', `port ${port}: only ports ${may} are opened`);
      }
      return open(port, service);
    },

    release(port) {
      const opening = ports.get(port);
      ports.delete(port);
      if (opening !== undefined) shut(opening);
    },

    list: () => [...ports].map(([port, { service }]) => ({ port, service })),

    close() {
      for (const opening of ports.values()) shut(opening);
      ports.clear();
      prefaces.close();
    },
  };
}

function portsOf(ranges: readonly PortRange[]): number[] {
  return ranges.flatMap(({ low, high }) =>
    Array.from({ length: high - low + 1 }, (_, i) => low + i),
  );
}

/** Every one of them once, beginning anywhere. */
function* fromAnywhere(all: readonly number[]): Generator<number> {
  const first = Math.floor(Math.random() * all.length);
  for (let i = 0; i < all.length; i++) yield all[(first + i) % all.length];
}
