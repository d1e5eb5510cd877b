/**
 * Connections of a service whose requests are read in this process: node:http reads and writes HTTP on
 * them, without listening anywhere. Those that rest between two requests are known, so that an agent
 * that leaves need not wait for them.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { FETCH_HEAD_MAX_BYTES } from '../limits.ts';
import type { HandlerTarget } from './service.ts';

export interface HandlerServer {
  /** Its events are the requests. */
  readonly http: http.Server;
  readonly target: Required<HandlerTarget>;
  /** A request has begun on the connection. */
  busy(connection: Duplex): void;
  /** It is over: the next one may come, or while the agent leaves none. */
  rest(connection: Duplex): void;
}

export function createHandlerServer(): HandlerServer {
  // How long a connection may take, and rest, is for the ingress to say.
  const timeouts = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 };
  const server = http.createServer({ ...timeouts, maxHeaderSize: FETCH_HEAD_MAX_BYTES });
  const resting = new Set<Duplex>();
  let draining = false;
  return {
    http: server,
    target: {
      kind: 'handler',
      take(connection) {
        connection.on('close', () => resting.delete(connection));
        server.emit('connection', connection);
        resting.add(connection);
      },
      drain() {
        draining = true;
        for (const connection of resting) connection.end();
      },
    },
    busy: (connection) => void resting.delete(connection),
    rest(connection) {
      if (draining) connection.end();
      else if (!connection.destroyed) resting.add(connection);
    },
  };
}
