/** By which transport a client reaches its server: the one it was told, or the first that works. */
import { asSallyportError, type ErrorCode, type SallyportError } from '../errors.ts';
import { QUIC_DIAL_TIMEOUT_MS, TRANSPORT_FAILURES_MAX, TRANSPORT_RETRY_MS } from '../limits.ts';
import type { Link } from '../transport/link.ts';
import { dialPoll } from './dial-poll.ts';
import { dialByQuic, type StandingSession } from './dial-quic.ts';
import { dial, type DialOptions } from './dial.ts';

/** Those that every server serves where its URL leads to. */
export const transports = ['websocket', 'longpoll'] as const;
export type Transport = (typeof transports)[number] | 'quic';

/** By what a dialled server is reached. */
export type Dialled = Link | StandingSession;

const dials: Readonly<Record<Transport, (options: DialOptions) => Promise<Dialled>>> = {
  quic: (options) => dialByQuic(options),
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

/** And with these, against QUIC: its port, its certificate, a proxy and client certificates are no matter of the others. */
const inTheWayOfQuic: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...inTheWay,
  'QUIC_UNAVAILABLE',
  'PROXY_REFUSED',
  'AUTH_REQUIRED',
  'SERVER_TLS',
]);

export interface Dialler {
  /**
   * Dials by what worked last, then by the others; now and then by the first of the list again. A link
   * has worked when `open` resolves on it: some proxies let an upgrade through and then no byte.
   * Rejects with the error of the first that was tried, or of the one behind it where that was QUIC: a
   * server is known by what every one of them serves.
   */
  dial<Opened>(options: DialOptions, open: (dialled: Dialled) => Promise<Opened>): Promise<Opened>;
  /**
   * The session that was dialled last has ended. One over QUIC that fell silent is followed by one over
   * WebSocket, without another look for QUIC: networks let UDP through and stop doing so.
   */
  lost(error: SallyportError | null): void;
}

export interface DiallerEvents {
  /** Another transport than the last time, or than the first of the list; `why` the one before did not do. */
  chose?(transport: Transport, why: SallyportError | null): void;
}

export interface DiallerOptions {
  /** How long a lesser transport is kept to. Default: TRANSPORT_RETRY_MS. */
  readonly retryMs?: number;
}

/**
 * `wish` is one transport, or `auto`: QUIC where the way out says where the server has it, WebSocket,
 * then long-poll. Remembers what worked.
 */
export function createDialler(
  wish: Transport | 'auto',
  events: DiallerEvents,
  { retryMs = TRANSPORT_RETRY_MS }: DiallerOptions = {},
): Dialler {
  if (wish !== 'auto') {
    return { dial: async (options, open) => open(await dials[wish](options)), lost() {} };
  }
  /** What is tried first. */
  let working: Transport | null = null;
  let proven = false;
  /** What carried the last session. */
  let used: Transport | null = null;
  /** Why it is not tried first any more. */
  let fallen: SallyportError | null = null;
  /** Dials in a row by what worked last that failed. */
  let failures = 0;
  let chosenAt = 0;

  /** In the order in which they are to be tried. */
  function candidates({ wayOut }: DialOptions): readonly Transport[] {
    const all = wayOut?.quic === undefined ? transports : (['quic', ...transports] as const);
    const now = performance.now();
    if (working === null || working === all[0] || now - chosenAt < retryMs) {
      const first = (working ??= all[0]);
      return [first, ...all.filter((other) => other !== first)];
    }
    chosenAt = now;
    return all;
  }

  /** QUIC has others behind it: it is given up soon. */
  function reach(transport: Transport, options: DialOptions): Promise<Dialled> {
    return transport === 'quic'
      ? dialByQuic(options, QUIC_DIAL_TIMEOUT_MS)
      : dials[transport](options);
  }

  return {
    async dial(options, open) {
      let first: SallyportError | null = null;
      let firstBy: Transport | null = null;
      for (const transport of candidates(options)) {
        try {
          const opened = await open(await reach(transport, options));
          if (transport !== (used ?? working)) {
            events.chose?.(transport, first ?? fallen);
            chosenAt = performance.now();
          }
          working = used = transport;
          fallen = null;
          proven = true;
          failures = 0;
          return opened;
        } catch (thrown) {
          if (options.signal.aborted) throw thrown;
          const error = asSallyportError(thrown);
          if (first === null || firstBy === 'quic') [first, firstBy] = [error, transport];
          const quic = transport === 'quic';
          if (!(quic ? inTheWayOfQuic : inTheWay).has(error.code)) throw first;
          // It has worked before: rather the server is away, for a restart, than something is in the way.
          // Not so with QUIC: networks let UDP through and stop doing so.
          if (!quic && transport === working && proven && ++failures < TRANSPORT_FAILURES_MAX)
            throw first;
        }
      }
      throw first!;
    },
    lost(error) {
      if (used !== 'quic' || error?.code !== 'HEARTBEAT_LOST') return;
      working = transports[0];
      proven = false;
      fallen = error;
      chosenAt = performance.now();
    },
  };
}
