/** What the control API sees of the server, and what it may do to it. The server's composition implements it. */
import type { SallyportError } from '../errors.ts';
import type {
  ClientView,
  EndedView,
  IdentityView,
  RouteView,
  ServiceView,
  StatusView,
  StreamView,
} from './views.ts';

export type Ended = Omit<EndedView, 'seq'>;

export interface ReloadOutcome {
  readonly changed: readonly string[];
  readonly restart: readonly string[];
}

/** Where the options of a server come from. */
export interface Configuration {
  /** The options in force, by the keys that files use, secrets masked. */
  options(): Readonly<Record<string, unknown>>;
  /** Reads it again and takes it over. Rejects with CONFIG_INVALID. */
  reload(): Promise<ReloadOutcome>;
  /** What is wrong with it as it is now; what was before is in force then. */
  readonly problems: readonly string[];
  /** Options whose new values wait for a restart. */
  readonly restart: readonly string[];
}

/** Lists are made when asked for, in one turn: all that is read in one turn is true at `seq`. */
export interface ControlHost {
  /** Number of the newest event. */
  readonly seq: number;
  status(): Omit<StatusView, 'seq'>;
  clients(role: 'agent' | 'consumer'): Iterable<ClientView>;
  services(): Iterable<ServiceView>;
  routes(): Iterable<RouteView>;
  streams(): Iterable<StreamView>;
  identities(): Iterable<IdentityView>;

  /** Ends the session of that id and role; null when there is none. Its client is told the error. */
  kickClient(role: 'agent' | 'consumer', session: string, error: SallyportError): Ended | null;
  /** Takes the service from all its agents, and ends its streams; null when it is not known. */
  kickService(service: string, error: SallyportError): Ended | null;
  /** Ends the stream of that id; null when there is none. */
  kickStream(stream: string, error: SallyportError): Ended | null;
  /**
   * From now on nobody is this identity; its sessions and streams end. Null when there can be none of
   * that name. Throws SERVER_BUSY.
   */
  revoke(identity: string): Ended | null;
  /** Undoes `revoke`. False when it was not revoked. */
  restore(identity: string): boolean;
  /** Takes nothing new and tells clients to dial again; what runs goes on. */
  drain(): void;
  /** Null: the server does not know where its options come from. */
  readonly configuration: Configuration | null;
}
