/**
 * What can happen, as the event log tells it. One schema for all sinks: the live stream, the audit
 * file, webhooks and listeners of the library. No event carries a secret, a header or a body.
 */
import type { Outcome } from '../observe/access-log.ts';

/** A client of the server: an agent, or a consumer with a session. */
export interface ClientEvent {
  readonly session: string;
  readonly role: 'agent' | 'consumer';
  readonly identity: string;
  /** `ip:port`. */
  readonly peer: string;
  /** Which protocol it speaks: `sallyport`, or the name of a dialect. */
  readonly protocol: string;
}

export interface StreamEvent {
  /** The id that all logs name it by. */
  readonly stream: string;
  readonly service: string;
  readonly kind: 'http' | 'tcp';
  /** `ip:port`. */
  readonly consumer: string;
  /** Null: nobody has said who it is. */
  readonly identity: string | null;
  /** `host:port` asked for by the consumer; null for the service's own target. */
  readonly target: string | null;
}

/** By type, what an event holds besides its number and time. */
export interface EventPayloads {
  'client.up': ClientEvent;
  /** `reason` is an error code, or `ok` for one that left in order. */
  'client.down': ClientEvent & { readonly reason: Outcome };
  'service.up': {
    readonly service: string;
    readonly kind: 'http' | 'tcp';
    readonly session: string;
    readonly identity: string;
    readonly urls: readonly string[];
  };
  'service.down': {
    readonly service: string;
    readonly session: string;
    readonly identity: string;
  };
  /** An agent may not offer it, or cannot now: `code` and `reason` as it was told. */
  'service.refused': {
    readonly service: string;
    readonly session: string;
    readonly identity: string;
    readonly code: string;
    readonly reason: string;
  };
  'stream.opened': StreamEvent;
  /** `code` and `reason` as the error table and the policy say them. */
  'stream.refused': StreamEvent & { readonly code: string; readonly reason: string };
  'stream.closed': StreamEvent & {
    readonly bytesUp: number;
    readonly bytesDown: number;
    readonly ms: number;
    readonly outcome: Outcome;
  };
  'http.request': {
    readonly request: string;
    readonly service: string;
    readonly consumer: string;
    readonly method: string;
    readonly host: string;
    /** Without its query. */
    readonly path: string;
    readonly status: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
    readonly ms: number;
    readonly outcome: Outcome;
  };
  'auth.failed': {
    /** Where: the attach door, a service, or the control API. */
    readonly door: 'attach' | 'service' | 'control';
    readonly service: string | null;
    /** `ip:port`. */
    readonly peer: string;
    readonly reason: string;
  };
  'config.reloaded': { readonly changed: readonly string[]; readonly restart: readonly string[] };
  'config.refused': { readonly problems: readonly string[] };
  'server.draining': { readonly graceMs: number };
  /** An operator has changed something. */
  'control.action': {
    /** Such as `streams.kick`. */
    readonly operation: string;
    /** What it was done to: an id or a name; null for the server as a whole. */
    readonly subject: string | null;
    readonly identity: string;
    /** `ip:port`. */
    readonly peer: string;
    /** In the operator's words; null when none were given. */
    readonly reason: string | null;
  };
}

export type EventType = keyof EventPayloads;

/** An event of one type, or of any. */
export type SallyportEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    /** Counts from 1, without gaps, for as long as the process lives. */
    readonly seq: number;
    /** Milliseconds since 1970, UTC. */
    readonly time: number;
    readonly type: T;
  } & EventPayloads[T];
}[Type];
