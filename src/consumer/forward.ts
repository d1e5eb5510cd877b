/** Local ports that lead to services: one stream for each accepted connection. */
import net from 'node:net';
import { asSallyportError, SallyportError } from '../errors.ts';
import { LOCAL_SLAB_BYTES } from '../limits.ts';
import { formatAddress, type HostPort } from '../net/address.ts';
import { acceptOptions, startListening } from '../net/listen.ts';
import { SlabPool } from '../net/slab.ts';
import { Wire, type WireReader } from '../net/wire.ts';
import type { AccessLog, Outcome } from '../observe/access-log.ts';
import { Splice, type SpliceEnd } from '../session/splice.ts';
import type { Consumer, Wish } from './consumer.ts';
import type { ForwardRule } from './rule.ts';

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

export interface Forward {
  readonly rule: ForwardRule;
  /** Where it listens, with the port that was picked. */
  readonly address: HostPort;
  /** Stops listening; running connections go on. */
  close(): void;
}

export interface ForwardOptions {
  consumer: Pick<Consumer, 'open'>;
  rule: ForwardRule;
  accessLog: AccessLog;
}

/** Listens as the rule says. Rejects with LISTEN_FAILED. */
export async function openForward(options: ForwardOptions): Promise<Forward> {
  const { rule } = options;
  const server = net.createServer(
    acceptOptions,
    (socket) => new ForwardedConnection(socket, options),
  );
  const port = await startListening(server, rule.listen, 'forward');
  // A connection that could not be accepted, as when descriptors ran out, is no reason to stop.
  server.on('error', () => {});
  return { rule, address: { host: rule.listen.host, port }, close: () => void server.close() };
}

class ForwardedConnection implements SpliceEnd {
  #options: ForwardOptions;
  #consumer: string;
  #startedAt = performance.now();

  constructor(socket: net.Socket, options: ForwardOptions) {
    this.#options = options;
    this.#consumer = formatAddress({
      host: socket.remoteAddress ?? '',
      port: socket.remotePort ?? 0,
    });
    const wire = Wire.accept(socket, slabs, unread);
    const splice = new Splice(wire, this);
    wire.reader = splice;
    try {
      splice.join(options.consumer.open(wishOf(options.rule), splice));
    } catch (thrown) {
      splice.reset(asSallyportError(thrown));
    }
  }

  spliced(splice: Splice, error: Error | null): void {
    this.#log(
      splice,
      error === null ? 'ok' : error instanceof SallyportError ? error.code : 'closed',
    );
  }

  #log(splice: Splice, outcome: Outcome): void {
    this.#options.accessLog.stream({
      id: '-',
      service: this.#options.rule.service,
      consumer: this.#consumer,
      bytesUp: splice.bytesOut,
      bytesDown: splice.bytesIn,
      ms: Math.round(performance.now() - this.#startedAt),
      outcome,
    });
  }
}

function wishOf({ service, key, target }: ForwardRule): Wish {
  return {
    service,
    ...(key === null ? {} : { key }),
    ...(target === null ? {} : { target: formatAddress(target) }),
  };
}

/** Reads nothing: the connection was refused and is closing. */
const unread: WireReader = { read: () => false, ended() {}, closed() {} };
