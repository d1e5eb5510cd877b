/** The client of the machine that is to be reached: what the tool calls `callbackreverse`. */
import { setTimeout as pause } from 'node:timers/promises';
import { linkSlabs } from '../../attach/dial.ts';
import { asSallyportError, type SallyportError } from '../../errors.ts';
import { CALLBACK_HEARTBEAT_MS } from '../../limits.ts';
import { readRest } from '../../net/wire.ts';
import type { Target } from '../../net/target.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import { createHeartbeat, type Heartbeat } from '../../session/heartbeat.ts';
import { YamuxSession } from '../../session/yamux/session.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import { dialWebSocket } from '../../transport/websocket/dial.ts';
import { WebSocketLink } from '../../transport/websocket/link.ts';
import { joinTarget } from './target-stream.ts';

export interface ReverseOptions {
  /** Of `tunnelUrl`. */
  readonly url: URL;
  readonly id: string;
  readonly target: Target;
  readonly wayOut: WayOut;
  readonly headers: Readonly<Record<string, string>>;
  /** For each attempt to connect, in milliseconds. */
  readonly timeoutMs: number;
  /** Pause before each further attempt; null: there is none. */
  readonly reconnectMs: number | null;
  readonly accessLog: AccessLog;
  readonly events: ReverseClientEvents;
}

export interface ReverseClientEvents {
  upgraded(): void;
  established(): void;
  /** The session, or the attempt, ended; `waitMs` is null when there is no further one. */
  lost(error: SallyportError | null, waitMs: number | null): void;
}

/**
 * Stays connected until the signal fires, which ends the session and resolves. Without further
 * attempts it rejects with what ended the only one.
 */
export async function runReverse(options: ReverseOptions, signal: AbortSignal): Promise<void> {
  const { reconnectMs, events } = options;
  const heartbeat = createHeartbeat(CALLBACK_HEARTBEAT_MS);
  try {
    while (!signal.aborted) {
      const error = await runOnce(options, heartbeat, signal).catch(asSallyportError);
      if (signal.aborted) return;
      events.lost(error, reconnectMs);
      if (reconnectMs === null) {
        if (error !== null) throw error;
        return;
      }
      await pause(reconnectMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    heartbeat.close();
  }
}

/** One session from its dial to its end. */
async function runOnce(
  { url, id, target, headers, wayOut, timeoutMs, accessLog, events }: ReverseOptions,
  heartbeat: Heartbeat,
  signal: AbortSignal,
): Promise<SallyportError | null> {
  const dial = { url, protocol: null, headers, wayOut, timeoutMs, pool: linkSlabs, signal };
  const { wire, rest, masking } = await dialWebSocket(dial);
  events.upgraded();
  const { promise, resolve } = Promise.withResolvers<SallyportError | null>();
  const link = new WebSocketLink(wire, masking, { text: true });
  // It dialled, and is the yamux server all the same: streams are the other end's to open.
  const session = new YamuxSession(link, {
    client: false,
    events: {
      accept: (stream) => joinTarget(stream, { id, target, accessLog }),
      goneAway() {},
      closed: resolve,
    },
  });
  const leave = (): void => session.close(null);
  signal.addEventListener('abort', leave);
  heartbeat.add(session);
  events.established();
  readRest(link, rest);
  wire.resume();
  try {
    return await promise;
  } finally {
    heartbeat.remove(session);
    signal.removeEventListener('abort', leave);
  }
}
