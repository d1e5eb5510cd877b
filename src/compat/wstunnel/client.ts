/** The client of WStunnel: connected to its server for ever, it sends what comes to HTTP servers beside it. */
import { setTimeout as pause } from 'node:timers/promises';
import { linkSlabs } from '../../attach/dial.ts';
import { asSallyportError, type SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, WSTUNNEL_HELD_MAX_BYTES, WSTUNNEL_PING_MS } from '../../limits.ts';
import { createBackoff } from '../../net/backoff.ts';
import { readRest } from '../../net/wire.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import { dialWebSocket } from '../../transport/websocket/dial.ts';
import { WebSocketLink } from '../../transport/websocket/link.ts';
import { ClientSession, type FailedLine } from './client-session.ts';
import { createHeldBytes } from './held-bytes.ts';
import { createTargetCalls } from './target-call.ts';
import type { TargetChoice } from './target-choice.ts';

export interface WstunnelClientOptions {
  /** ws or wss, with the path of the tunnel. */
  readonly url: URL;
  /** A secret. */
  readonly token: string;
  readonly choice: TargetChoice;
  /** Certificates of HTTPS servers beside the client are not verified. */
  readonly insecure: boolean;
  readonly wayOut: WayOut;
  /** A server that is silent for so long has gone, in milliseconds. */
  readonly silenceMs: number;
  readonly events: WstunnelClientEvents;
}

export interface WstunnelClientEvents {
  /** The tunnel stands. Called again after each reconnect. */
  connected(): void;
  /** Not connected; the next attempt follows in `waitMs`. */
  lost(error: SallyportError | null, waitMs: number): void;
  /** A request did not get an answer of its target. */
  failed(line: FailedLine): void;
  /** The server has shown that it is there. */
  alive(): void;
}

/** Runs until `signal` fires, which ends the tunnel. */
export async function runWstunnelClient(
  options: WstunnelClientOptions,
  signal: AbortSignal,
): Promise<void> {
  const { events } = options;
  const heartbeat = createHeartbeat(options.silenceMs / 2);
  const held = createHeldBytes(WSTUNNEL_HELD_MAX_BYTES);
  const calls = createTargetCalls(options.insecure, held);
  const backoff = createBackoff();

  /** Connected once; resolves with why that ended. */
  async function connected(): Promise<SallyportError | null> {
    const { url, token, wayOut, choice } = options;
    const { wire, rest, masking } = await dialWebSocket({
      url,
      protocol: null,
      headers: { Origin: token },
      wayOut,
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      pool: linkSlabs,
      signal,
    });
    const { promise, resolve } = Promise.withResolvers<SallyportError | null>();
    const link = new WebSocketLink(wire, masking);
    const { alive, failed } = events;
    const session = new ClientSession(link, {
      choice,
      calls,
      held,
      alive,
      failed,
      closed: resolve,
    });
    const leave = (): void => session.close(null);
    signal.addEventListener('abort', leave);
    // The originals' server lives on pings alone, whatever else comes.
    const pinging = setInterval(
      () => session.ping(),
      Math.min(options.silenceMs / 3, WSTUNNEL_PING_MS),
    );
    heartbeat.add(session);
    backoff.reset();
    events.connected();
    readRest(link, rest);
    wire.resume();
    try {
      return await promise;
    } finally {
      clearInterval(pinging);
      heartbeat.remove(session);
      signal.removeEventListener('abort', leave);
    }
  }

  try {
    while (!signal.aborted) {
      const error = await connected().catch(asSallyportError);
      if (signal.aborted) return;
      const waitMs = Math.round(backoff.next());
      events.lost(error, waitMs);
      await pause(waitMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    heartbeat.close();
    calls.close();
  }
}
