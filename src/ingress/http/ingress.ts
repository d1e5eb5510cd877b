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
import type { ClientCertificate } from '../../access/authenticator.ts';
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
import { createDeadlines } from '../../net/deadlines.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire } from '../../net/wire.ts';
import { ClientConnection } from './connection.ts';
import { HeadPool } from './head-reader.ts';
import { peerOf } from './peer.ts';
import { ResponseScratch } from './scratch.ts';
import type { HttpIngressOptions, HttpShared, Served } from './ingress-options.ts';

export interface HttpIngress {
  /**
   * Serves an accepted socket that has read nothing yet (`pauseOnConnect`, `allowHalfOpen`); it is
   * the ingress's from now on. `peer` is who it comes from, where that is not the socket's own end;
   * `certificate` is the one that a client has proved to hold.
   */
  serve(
    socket: net.Socket,
    secure: boolean,
    peer?: { address: string; port: number },
    certificate?: ClientCertificate | null,
  ): void;
  /** Requests under way, upgraded connections among them. */
  readonly active: number;
  /** Open client connections. */
  readonly connections: number;
  /** Idle connections close, the others after their present request. */
  drain(): void;
  /** Breaks off everything. */
  close(): void;
}

export function createHttpIngress(options: HttpIngressOptions): HttpIngress {
  const pool = new SlabPool(LOCAL_SLAB_BYTES);
  const served = createDeadlines<Served>(options.tickMs ?? DEADLINE_TICK_MS);
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
    requestHeads: new HeadPool(() => new RequestHead()),
    responseHeads: new HeadPool(() => new ResponseHead()),
    scratch: new ResponseScratch(),
    served,
    draining: false,
  };

  return {
    serve(socket, secure, peer, certificate = null) {
      const address = peer?.address ?? socket.remoteAddress;
      const port = peer?.port ?? socket.remotePort;
      if (address === undefined || port === undefined) {
        socket.destroy();
        return;
      }
      const connection = new ClientConnection(
        shared,
        peerOf(address, port, secure, options.trusted, certificate),
      );
      connection.start(Wire.accept(socket, pool, connection));
    },

    get active() {
      let active = 0;
      for (const connection of served.list()) if (connection.active) active++;
      return active;
    },

    get connections() {
      return served.size;
    },

    drain() {
      shared.draining = true;
      for (const connection of served.list()) connection.drain();
    },

    close() {
      shared.draining = true;
      for (const connection of served.list()) connection.destroy();
      served.close();
    },
  };
}
