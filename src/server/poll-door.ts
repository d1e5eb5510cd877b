/**
 * The door for links over single requests: their requests are served by node:http, behind the
 * ingress, which has read their heads strictly and keeps their connections.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Reception } from '../access/authenticate/reception.ts';
import { POLL_PROTOCOL_FIELD } from '../attach/dial-poll.ts';
import { PROTOCOL } from '../attach/messages.ts';
import { SallyportError } from '../errors.ts';
import { jsonRefusalReply } from '../ingress/http/late-reply.ts';
import type { OwnEndpoints } from '../ingress/http/own-endpoints.ts';
import type { Peer } from '../ingress/http/peer.ts';
import { DuplexStream } from '../session/duplex-stream.ts';
import { POLL_PATH } from '../transport/longpoll/messages.ts';
import { createPollServer } from '../transport/longpoll/server.ts';
import type { Sessions } from './sessions.ts';

export interface PollDoorOptions {
  reception: Reception;
  sessions: Sessions;
  /** Throws SERVER_DRAINING or SERVER_BUSY while no client can be taken. */
  checkRoom(): void;
  /** How long a request for bytes may wait for some. */
  holdMs: number;
}

export interface PollDoor {
  readonly endpoints: OwnEndpoints;
  /** Ends every link that came in here. */
  close(): void;
}

export function createPollDoor(options: PollDoorOptions): PollDoor {
  const { reception, sessions, checkRoom, holdMs } = options;
  const links = createPollServer({ holdMs });
  /** Whose requests a connection of the ingress brings. */
  const peers = new WeakMap<Duplex, Peer>();
  // How long a connection may take, and rest, is for the ingress to say.
  const server = http.createServer(
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
    (request, response) => void serve(request, response),
  );

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!.replace(/\?.*$/s, '');
    if (path !== POLL_PATH) return links.serve(path.slice(POLL_PATH.length + 1), request, response);
    try {
      const grant = await admit(request);
      response.writeHead(201, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(JSON.stringify(grant));
    } catch (thrown) {
      const { status, headers, body } = jsonRefusalReply(thrown, null);
      response.writeHead(status, { ...headers }).end(body);
    }
  }

  async function admit(request: IncomingMessage): Promise<{ link: string; secret: string }> {
    const { method, headers } = request;
    if (method !== 'POST') throw new SallyportError('REQUEST_INVALID', 'poll: POST opens a link');
    if (headers.origin !== undefined)
      throw new SallyportError('DENIED', 'poll: web pages may not attach');
    if (headers[POLL_PROTOCOL_FIELD.toLowerCase()] !== PROTOCOL) {
      const why = `${POLL_PROTOCOL_FIELD} must be ${PROTOCOL}`;
      throw new SallyportError('VERSION_UNSUPPORTED', `poll: ${why}`);
    }
    checkRoom();
    const peer = peers.get(request.socket)!;
    const identity = await reception.admit('attach', {
      authorization: headers.authorization ?? null,
      certificate: peer.certificate,
      peer: peer.text,
      service: null,
      method,
      host: headers.host ?? '',
      path: POLL_PATH,
    });
    checkRoom();
    const { link, grant } = links.open();
    sessions.attach(link, identity, peer.text);
    return grant;
  }

  return {
    endpoints: {
      find({ path }, peer) {
        if (path !== POLL_PATH && !path.startsWith(`${POLL_PATH}/`)) return null;
        return {
          // One stream for one client: a trusted proxy may bring several on one connection.
          service: `poll ${peer.text}`,
          open: (receiver) =>
            new DuplexStream(receiver, (far) => {
              peers.set(far, peer);
              server.emit('connection', far);
            }),
        };
      },
    },
    close: () => links.close(),
  };
}
