/**
 * A Hubble agent: connected to a proxy for ever, it dials what other agents ask for, and its rules
 * make local ports that lead to theirs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { AllowList } from '../../access/allow.ts';
import { linkSlabs } from '../../attach/dial.ts';
import { openForward, type Forward } from '../../consumer/forward.ts';
import type { ForwardRule } from '../../consumer/rule.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, HUBBLE_HEARTBEAT_MS } from '../../limits.ts';
import { createBackoff } from '../../net/backoff.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import { dialWebSocket } from '../../transport/websocket/dial.ts';
import { AgentSession } from './agent-session.ts';
import { distinctRules } from './rule.ts';

export interface HubbleAgentOptions {
  /** ws or wss; the path is sent as it is. */
  readonly url: URL;
  /** Under which others reach what this agent dials. */
  readonly name: string;
  /** For a proxy that asks for one; empty: none. A secret. */
  readonly key: string;
  readonly wayOut: WayOut;
  readonly rules: readonly ForwardRule[];
  /** What others may have dialled here. Null: everything. */
  readonly allow: AllowList | null;
  /** Between signs of life. Default: HUBBLE_HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
  readonly accessLog: AccessLog;
  readonly events: HubbleAgentEvents;
}

export interface HubbleAgentEvents {
  /** A rule has its port. */
  listening(forward: Forward): void;
  /** The proxy took the handshake. Called again after each reconnect. */
  connected(): void;
  /** Not connected; the next attempt follows in `waitMs`. */
  lost(error: SallyportError | null, waitMs: number): void;
}

/**
 * Runs until `signal` fires, which ends every session. Its ports stay open meanwhile: a connection to
 * one of them is broken off while the proxy is away. Rejects with LISTEN_FAILED.
 */
export async function runHubbleAgent(
  options: HubbleAgentOptions,
  signal: AbortSignal,
): Promise<void> {
  const { events, accessLog } = options;
  const heartbeat = createHeartbeat(options.heartbeatMs ?? HUBBLE_HEARTBEAT_MS);
  const forwards: Forward[] = [];
  let current: AgentSession | null = null;
  const consumer: Parameters<typeof openForward>[0]['consumer'] = {
    open(wish, receiver) {
      if (current !== null) return current.open(wish, receiver);
      throw new SallyportError('SERVER_UNREACHABLE', `gateway ${wish.service}: not connected`);
    },
  };

  /** Connected once; resolves with why that ended. */
  async function connected(): Promise<SallyportError | null> {
    const session = await dialProxy(options, signal);
    const leave = (): void => session.close(null);
    signal.addEventListener('abort', leave);
    heartbeat.add(session.link);
    try {
      session.greet(options.name, options.key);
      await session.welcomed;
      backoff.reset();
      current = session;
      events.connected();
      return await session.over;
    } finally {
      current = null;
      heartbeat.remove(session.link);
      signal.removeEventListener('abort', leave);
    }
  }

  const backoff = createBackoff();
  try {
    for (const rule of distinctRules(options.rules)) {
      const forward = await openForward({ consumer, rule, accessLog });
      forwards.push(forward);
      events.listening(forward);
    }
    while (!signal.aborted) {
      const error = await connected().catch(asSallyportError);
      if (signal.aborted) return;
      const waitMs = Math.round(backoff.next());
      events.lost(error, waitMs);
      await pause(waitMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    for (const forward of forwards) forward.close();
    heartbeat.close();
  }
}

async function dialProxy(
  { url, wayOut, allow, accessLog }: HubbleAgentOptions,
  signal: AbortSignal,
): Promise<AgentSession> {
  const dialled = await dialWebSocket({
    url,
    protocol: null,
    headers: {},
    wayOut,
    timeoutMs: HANDSHAKE_TIMEOUT_MS,
    pool: linkSlabs,
    signal,
  });
  return new AgentSession(dialled, { allow, accessLog });
}
