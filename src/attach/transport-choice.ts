/** By which transport a client reaches its server: the one it was told, or the first that works. */
import { asSallyportError, SallyportError, type ErrorCode } from '../errors.ts';
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
]);

export interface Dialler {
  /** Dials by what worked last, then by the others. Rejects with the error of the first that was tried. */
  dial(options: DialOptions): Promise<Link>;
}

export interface DiallerEvents {
  /** Another transport than the last time, or than the first of the list; `why` the one before did not do. */
  chose?(transport: Transport, why: SallyportError | null): void;
}

/** `wish` is one transport, or `auto`: WebSocket, then long-poll. Remembers what worked. */
export function createDialler(wish: Transport | 'auto', events: DiallerEvents): Dialler {
  if (wish !== 'auto') return { dial: dials[wish] };
  let working: Transport = transports[0];
  return {
    async dial(options) {
      let first: SallyportError | null = null;
      for (const transport of [working, ...transports.filter((other) => other !== working)]) {
        try {
          const link = await dials[transport](options);
          if (transport !== working) events.chose?.(transport, first);
          working = transport;
          return link;
        } catch (thrown) {
          if (options.signal.aborted) throw thrown;
          const error = asSallyportError(thrown);
          first ??= error;
          if (!inTheWay.has(error.code)) throw first;
        }
      }
      throw first!;
    },
  };
}
