/**
 * What another tool's protocol is to the server: own endpoints on its one port, or a listener of its
 * own, behind which the peers of that tool become upstreams and consumers of services.
 */
import type { Authenticator } from '../access/authenticator.ts';
import type { Policy } from '../access/policy/policy.ts';
import type { EventLog } from '../events/log.ts';
import type { OwnEndpoints } from '../ingress/http/own-endpoints.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { Logger } from '../observe/logger.ts';
import type { Gate } from '../registry/gate.ts';
import type { Routes } from '../registry/routes.ts';
import type { ServiceRegistry } from '../registry/services.ts';
import type { WaitingRoom, WhenAbsent } from '../registry/waiting-room.ts';
import type { Link } from '../transport/link.ts';

/** What a dialect may use of the server. */
export interface DialectHost {
  readonly registry: ServiceRegistry;
  readonly routes: Pick<Routes, 'add' | 'whenFreed'>;
  /** Services have names below it. */
  readonly domain: string;
  /** The only way to a stream: it authorises, lists and tells. */
  readonly gate: Gate;
  /** Where streams wait for a service that is absent. */
  readonly room: Pick<WaitingRoom, 'waitingFor'>;
  readonly authenticators: readonly Authenticator[];
  /** Asked about a peer that registers a service; about streams the gate asks it. */
  readonly policy: Pick<Policy, 'authorize'>;
  readonly events: EventLog;
  readonly accessLog: AccessLog;
  readonly log: Logger;
  /** A fresh id for a stream. */
  newId(): string;
  /** Whether the forwarding fields of this address are believed. */
  trusted(address: string): boolean;
}

/**
 * The peers of a tool that come by QUIC. The process for QUIC speaks their protocol and brings each on
 * a link of its own, whose greeting names the dialect.
 */
export interface QuicPeers {
  /**
   * Judges a greeting. Resolves with who takes the link over, once the peer has been answered; rejects
   * with the error that the peer is refused with, in the words of its protocol.
   */
  admit(greeting: unknown): Promise<(link: Link) => void>;
}

export interface Dialect {
  /** Also what greetings by QUIC say. */
  readonly name: string;
  /** Asked before the server's own; null for a dialect that has none. */
  readonly endpoints: OwnEndpoints | null;
  /** Absent: nobody comes by QUIC. */
  readonly quic?: QuicPeers;
  /** Streams and requests under way. */
  readonly active: number;
  /**
   * What is done for a service of the dialect while nobody serves it, where the operator has said
   * nothing. Null: not one of its own. One that is keeps its name for as long.
   */
  whenAbsent?(service: string): WhenAbsent | null;
  /** Who may do what has changed: ends what may no longer be. Of streams the gate takes care. */
  rejudge?(): void;
  /** Takes nothing new. */
  drain(): void;
  close(): void;
}

/** Rejects with LISTEN_FAILED, or CONFIG_INVALID. */
export type DialectFactory = (host: DialectHost) => Dialect | Promise<Dialect>;
