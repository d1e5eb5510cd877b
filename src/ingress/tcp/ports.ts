/** The public TCP ports of services. */
import { SallyportError } from '../../errors.ts';
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
  readonly log: Pick<Logger, 'warn'>;
}

export interface PublicPorts {
  /**
   * Opens a port for a service; 0 is any free one that `check` lets pass. Answers the port. `check`
   * throws when the service may not have a port. Rejects with what it threw, or with PORT_DENIED,
   * PORT_TAKEN or LISTEN_FAILED.
   */
  listen(port: number, service: string, check?: (port: number) => void): Promise<number>;
  /** Closes a port. Connections made before go on as long as their streams do. */
  release(port: number): void;
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
  async function openAny(service: string, check: (port: number) => void): Promise<number> {
    let refusal: unknown = new SallyportError(
      'PORT_TAKEN',
      `port 0: none of ${formatPortRanges(ranges)} is free`,
    );
    for (const port of shuffledStart(ranges)) {
      if (ports.has(port)) continue;
      try {
        check(port);
      } catch (denied) {
        refusal = denied;
        continue;
      }
      try {
        return await open(port, service);
      } catch (error) {
        if ((error as SallyportError).code !== 'PORT_TAKEN') throw error;
      }
    }
    throw refusal;
  }

  function shut({ listener }: Opening): void {
    listener.then(
      (opened) => opened.close(),
      () => {},
    );
  }

  return {
    async listen(port, service, check = () => {}) {
      if (port === 0) return openAny(service, check);
      if (!Number.isInteger(port) || !portInRanges(port, ranges)) {
        throw new SallyportError(
          'PORT_DENIED',
          `port ${port}: this server opens ports ${formatPortRanges(ranges)} only`,
        );
      }
      check(port);
      return open(port, service);
    },

    release(port) {
      const opening = ports.get(port);
      ports.delete(port);
      if (opening !== undefined) shut(opening);
    },

    close() {
      for (const opening of ports.values()) shut(opening);
      ports.clear();
      prefaces.close();
    },
  };
}

/** Every port of the ranges once, beginning anywhere. */
function* shuffledStart(ranges: readonly PortRange[]): Generator<number> {
  const all = ranges.flatMap(({ low, high }) =>
    Array.from({ length: high - low + 1 }, (_, i) => low + i),
  );
  const first = Math.floor(Math.random() * all.length);
  for (let i = 0; i < all.length; i++) yield all[(first + i) % all.length];
}
