/**
 * Public HTTP: a strict head parser routes and rewrites the head, and bodies pass as bytes. One
 * connection has one request under way, and an upstream stream carries the requests of one client
 * connection only, so that no response can reach anybody else.
 *
 * What is promised about trying again: GET, HEAD, OPTIONS, PUT and DELETE are sent once more, to
 * another upstream, while no byte of a response has come and none of the body was sent. Any method
 * is offered to another upstream when one refused it before a byte of it reached a target.
 */
import type net from 'node:net';
import type { SallyportError } from '../../errors.ts';
import { RequestHead } from '../../http1/request-head.ts';
import { ResponseHead } from '../../http1/response-head.ts';
import {
  DEADLINE_TICK_MS,
  HTTP_BODY_IDLE_TIMEOUT_MS,
  HTTP_HEAD_TIMEOUT_MS,
  HTTP_HALF_CLOSED_QUIET_MS,
  HTTP_IDLE_TIMEOUT_MS,
  HTTP_LINGER_MS,
  HTTP_RESPONSE_TIMEOUT_MS,
  LOCAL_SLAB_BYTES,
} from '../../limits.ts';
import { createDeadlines, type Deadlines } from '../../net/deadlines.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire } from '../../net/wire.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import type { Routes } from '../../registry/routes.ts';
import type { ServiceRegistry } from '../../registry/services.ts';
import { ClientConnection } from './connection.ts';
import { HeadPool } from './head-reader.ts';
import type { OwnEndpoints } from './own-endpoints.ts';
import { peerOf } from './peer.ts';
import { ResponseScratch } from './scratch.ts';

export interface HttpIngressOptions {
  readonly routes: Routes;
  readonly registry: Pick<ServiceRegistry, 'open'>;
  readonly own: OwnEndpoints;
  /** Whether the forwarding fields of this address are believed. */
  readonly trusted: (address: string) => boolean;
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

export interface HttpIngress {
  /**
   * Serves an accepted socket that has read nothing yet (`pauseOnConnect`, `allowHalfOpen`); it is
   * the ingress's from now on. `peer` is who it comes from, where that is not the socket's own end.
   */
  serve(socket: net.Socket, secure: boolean, peer?: { address: string; port: number }): void;
  /** Requests under way, upgraded connections among them. */
  readonly active: number;
  /** Open client connections. */
  readonly connections: number;
  /** Idle connections close, the others after their present request. */
  drain(): void;
  /** Breaks off everything. */
  close(): void;
}

/** A connection, in whatever state. */
export interface Served {
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
  readonly deadlines: Deadlines;
  readonly requestHeads: HeadPool<RequestHead>;
  readonly responseHeads: HeadPool<ResponseHead>;
  readonly scratch: ResponseScratch;
  readonly served: Set<Served>;
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

export function createHttpIngress(options: HttpIngressOptions): HttpIngress {
  const pool = new SlabPool(LOCAL_SLAB_BYTES);
  const served = new Set<Served>();
  const shared: HttpShared = {
    options,
    timeouts: {
      head: options.headTimeoutMs ?? HTTP_HEAD_TIMEOUT_MS,
      idle: options.idleTimeoutMs ?? HTTP_IDLE_TIMEOUT_MS,
      bodyIdle: options.bodyIdleTimeoutMs ?? HTTP_BODY_IDLE_TIMEOUT_MS,
      response: options.responseTimeoutMs ?? HTTP_RESPONSE_TIMEOUT_MS,
      linger: options.lingerMs ?? HTTP_LINGER_MS,
      halfClosed: options.halfClosedMs ?? HTTP_HALF_CLOSED_QUIET_MS,
    },
    deadlines: createDeadlines(options.tickMs ?? DEADLINE_TICK_MS),
    requestHeads: new HeadPool(() => new RequestHead()),
    responseHeads: new HeadPool(() => new ResponseHead()),
    scratch: new ResponseScratch(),
    served,
    draining: false,
  };

  return {
    serve(socket, secure, peer) {
      const address = peer?.address ?? socket.remoteAddress;
      const port = peer?.port ?? socket.remotePort;
      if (address === undefined || port === undefined) {
        socket.destroy();
        return;
      }
      const connection = new ClientConnection(
        shared,
        peerOf(address, port, secure, options.trusted),
      );
      connection.start(Wire.accept(socket, pool, connection));
    },

    get active() {
      let active = 0;
      for (const connection of served) if (connection.active) active++;
      return active;
    },

    get connections() {
      return served.size;
    },

    drain() {
      shared.draining = true;
      for (const connection of served) connection.drain();
    },

    close() {
      shared.draining = true;
      for (const connection of served) connection.destroy();
      shared.deadlines.close();
    },
  };
}
