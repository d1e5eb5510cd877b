/** What the connections of an HTTP ingress are given, and what they share. */
import type { Quotas } from '../../access/quotas.ts';
import type { SallyportError } from '../../errors.ts';
import type { Reception } from '../../access/authenticate/reception.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import type { ResponseHead } from '../../http1/response-head.ts';
import type { Deadlines, Timed } from '../../net/deadlines.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import type { Routes } from '../../registry/routes.ts';
import type { Gate } from '../../registry/gate.ts';
import type { ServiceRules } from '../../registry/service-rules.ts';
import type { HeadPool } from './head-reader.ts';
import type { OwnEndpoints } from './own-endpoints.ts';
import type { ResponseScratch } from './scratch.ts';

export interface HttpIngressOptions {
  readonly routes: Routes;
  readonly gate: Gate;
  /** Limits of requests. Absent: there are none. */
  readonly quotas?: Pick<Quotas, 'request'>;
  /** Which services ask who their consumers are, and who finds that out. Absent: none does. */
  readonly demands?: {
    readonly rules: Pick<ServiceRules, 'of'>;
    readonly reception: Reception;
  };
  readonly own: OwnEndpoints;
  /** Whether the forwarding fields of this address are believed. */
  readonly trusted: (address: string) => boolean;
  /** X-Forwarded-Host of such addresses goes before the Host field when routing. Default: false. */
  readonly routeByForwardedHost?: boolean;
  readonly accessLog: AccessLog;
  readonly newId: () => string;
  /** An error that nobody foresaw, for the log: its `cause` tells where. The client has read 500. */
  readonly defect?: (error: SallyportError, requestId: string) => void;
  /** From the end of a request to the head of its response. */
  readonly responseTimeoutMs?: number;
  /** The other deadlines; each has its default in the limits. */
  readonly headTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly bodyIdleTimeoutMs?: number;
  readonly lingerMs?: number;
  readonly halfClosedMs?: number;
  /** How often deadlines are looked at. */
  readonly tickMs?: number;
}

/** A connection, in whatever state. */
export interface Served extends Timed<Served> {
  /** A request is under way. */
  readonly active: boolean;
  /** Closes if it is idle, else after the present request. */
  drain(): void;
  /** Breaks it off. */
  destroy(): void;
}

/** What all connections share. */
export interface HttpShared {
  readonly options: HttpIngressOptions;
  readonly timeouts: Timeouts;
  /** All connections; those without a deadline too. */
  readonly served: Deadlines<Served>;
  readonly requestHeads: HeadPool<RequestHead>;
  readonly responseHeads: HeadPool<ResponseHead>;
  readonly scratch: ResponseScratch;
  draining: boolean;
}

interface Timeouts {
  readonly head: number;
  readonly idle: number;
  readonly bodyIdle: number;
  readonly response: number;
  readonly linger: number;
  readonly halfClosed: number;
}
