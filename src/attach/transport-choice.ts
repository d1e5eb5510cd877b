/** By which transport a client reaches its server: the one it was told, or the first that works. */
import { asSallyportError, type ErrorCode, type SallyportError } from '../errors.ts';
import { TRANSPORT_FAILURES_MAX, TRANSPORT_RETRY_MS } from '../limits.ts';
import type { Link } from '../transport/link.ts';
import { dialPoll } from './dial-poll.ts';
import { dial, type DialOptions } from './dial.ts';

export const transports = ['websocket', 'longpoll'] as const;
export type Transport = (typeof transports)[number];

const dials: Readonly<Record<Transport, (options: DialOptions) => Promise<Link>>> = {
  websocket: dial,
  longpoll: dialPoll,
};

/** With these something on the way is against the transport; everything else would meet the next one too. */
const inTheWay: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SERVER_NOT_SALLYPORT',
  'HANDSHAKE_TIMEOUT',
  'SERVER_UNREACHABLE',
  'VERSION_UNSUPPORTED',
  'LINK_LOST',
]);

export interface Dialler {
  /**
   * Dials by what worked last, then by the others; now and then by the first of the list again. A link
   * has worked when `open` resolves on it: some proxies let an upgrade through and then no byte.
   * Rejects with the error of the first that was tried.
   */
  dial<Opened>(options: DialOptions, open: (link: Link) => Promise<Opened>): Promise<Opened>;
}

export interface DiallerEvents {
  /** Another transport than the last time, or than the first of the list; `why` the one before did not do. */
  chose?(transport: Transport, why: SallyportError | null): void;
}

export interface DiallerOptions {
  /** How long a lesser transport is kept to. Default: TRANSPORT_RETRY_MS. */
  readonly retryMs?: number;
}

/** `wish` is one transport, or `auto`: WebSocket, then long-poll. Remembers what worked. */
export function createDialler(
  wish: Transport | 'auto',
  events: DiallerEvents,
  { retryMs = TRANSPORT_RETRY_MS }: DiallerOptions = {},
): Dialler {
  if (wish !== 'auto') {
    return { dial: async (options, open) => open(await dials[wish](options)) };
  }
  let working: Transport = transports[0];
  let proven = false;
  /** Dials in a row by what worked last that failed. */
  let failures = 0;
  let chosenAt = 0;

  /** In the order in which they are to be tried. */
  function candidates(): readonly Transport[] {
    const now = performance.now();
    if (working === transports[0] || now - chosenAt < retryMs)
      return [working, ...transports.filter((other) => other !== working)];
    chosenAt = now;
    return transports;
  }

  return {
    async dial(options, open) {
      let first: SallyportError | null = null;
      for (const transport of candidates()) {
        try {
          const opened = await open(await dials[transport](options));
          if (transport !== working) {
            events.chose?.(transport, first);
            chosenAt = performance.now();
          }
          working = transport;
          proven = true;
          failures = 0;
          return opened;
        } catch (thrown) {
          if (options.signal.aborted) throw thrown;
          const error = asSallyportError(thrown);
          first ??= error;
          if (!inTheWay.has(error.code)) throw first;
          // It has worked before: rather the server is away, for a restart, than something is in the way.
          if (transport === working && proven && ++failures < TRANSPORT_FAILURES_MAX) throw first;
        }
      }
      throw first!;
    },
  };
}
