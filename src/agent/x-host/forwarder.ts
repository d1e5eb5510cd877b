/**
 * A service whose requests may say where they go. Its connections are read by node:http, and each
 * request is sent on to the origin that its X-Host names, or to the target of the service. Exactly
 * that origin is dialled, on a connection of its own. Bodies and upgraded protocols are streams both
 * ways; redirects and codings are passed on as they come.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SallyportError } from '../../errors.ts';
import { publicFault } from '../../ingress/http/public-fault.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../../limits.ts';
import { printable } from '../../net/printable.ts';
import type { Target } from '../../net/target.ts';
import { createHandlerServer } from '../handler-server.ts';
import type { HandlerTarget } from '../service.ts';
import { targetError, targetTimeout } from '../target-dial.ts';
import { requestFields, responseFields } from './fields.ts';
import { allowedOrigin, type OriginPattern } from './origin-pattern.ts';

export interface XHostOptions {
  readonly service: string;
  /** Where requests without X-Host go. */
  readonly target: Target;
  /** What X-Host may name. */
  readonly allowed: OriginPattern;
  /** Certificates of https targets are not checked. */
  readonly insecure: boolean;
}

export function createXHostTarget(options: XHostOptions): HandlerTarget {
  const server = createHandlerServer();

  server.http.on('request', (incoming, outgoing) => {
    const { socket } = incoming;
    server.busy(socket);
    outgoing.on('close', () => server.rest(socket));
    const refuse = (error: SallyportError): void => answerError(outgoing, error);
    const request = send(incoming, refuse);
    if (request === null) return;
    outgoing.on('close', () => request.destroy());
    request.on('response', (response) => void passOn(response, outgoing));
    incoming.pipe(request);
  });

  server.http.on('upgrade', (incoming: IncomingMessage, near: Duplex, early: Buffer) => {
    server.busy(near);
    near.on('error', () => {});
    const refuse = (error: SallyportError): void => endWith(near, error);
    const request = send(incoming, refuse);
    if (request === null) return;
    near.on('close', () => request.destroy());
    request.on('upgrade', (response, far, first) => {
      near.write(headOf(response, ['Connection', 'Upgrade', 'Upgrade', response.headers.upgrade!]));
      near.write(first);
      far.write(early);
      pipeline(far, near, far).catch(() => {});
    });
    request.on('response', (response) => {
      near.write(headOf(response, ['Connection', 'close']));
      pipeline(response, near).catch(() => {});
    });
    request.end();
  });

  /** Null: it was refused. `refuse` is also told of what fails before a response has begun. */
  function send(
    incoming: IncomingMessage,
    refuse: (error: SallyportError) => void,
  ): http.ClientRequest | null {
    const named = incoming.headersDistinct['x-host'] ?? [];
    if (named.length > 1) {
      refuse(new SallyportError('REQUEST_INVALID', 'request: it has two X-Host fields'));
      return null;
    }
    const origin = named.length === 0 ? null : allowedOrigin(options.allowed, named[0]);
    if (origin === null && named.length === 1) {
      const why = `X-Host '${printable(named[0])}' is not allowed`;
      refuse(new SallyportError('DENIED', `service ${options.service}: ${why}`));
      return null;
    }
    const target = origin === null ? options.target : targetOf(origin);
    const request = open(target, {
      method: incoming.method!,
      path: incoming.url!,
      headers: requestFields(incoming, origin),
    });
    request.on('error', (error) => {
      const known = error instanceof SallyportError ? error : targetError(target, error);
      refuse(publicFault(options.service, known));
    });
    return request;
  }

  function open(target: Target, what: http.RequestOptions): http.ClientRequest {
    const request = target.tls
      ? https.request({
          ...what,
          ...addressOf(target),
          agent: false,
          rejectUnauthorized: !options.insecure,
        })
      : http.request({ ...what, ...addressOf(target), agent: false });
    const late = (): void => void request.destroy(targetTimeout(target));
    const timer = setTimeout(late, TARGET_DIAL_TIMEOUT_MS);
    request.on('close', () => clearTimeout(timer));
    request.on('socket', (socket) =>
      socket.on(target.tls ? 'secureConnect' : 'connect', () => clearTimeout(timer)),
    );
    return request;
  }

  return server.target;
}

function targetOf({ protocol, hostname, port }: URL): Target {
  const tls = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host, port: port === '' ? (tls ? 443 : 80) : Number(port), tls };
}

function addressOf(target: Target): https.RequestOptions {
  if (target.kind === 'unix') return { socketPath: target.path };
  const { host, port } = target;
  return { host, port, servername: net.isIP(host) === 0 ? host : '' };
}

/** A response that breaks off breaks its consumer's off as well. */
async function passOn(response: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  outgoing.sendDate = false;
  outgoing.writeHead(response.statusCode!, response.statusMessage, responseFields(response));
  await pipeline(response, outgoing).catch(() => {});
}

function headOf(response: IncomingMessage, last: readonly string[]): string {
  const fields = [...responseFields(response), ...last];
  let head = `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n`;
  for (let at = 0; at < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return `${head}\r\n`;
}

/** What was begun breaks off. */
function answerError(outgoing: ServerResponse, error: SallyportError): void {
  if (outgoing.headersSent) return void outgoing.destroy();
  outgoing.writeHead(error.http, errorFields(error));
  outgoing.end(textOf(error));
}

function endWith(near: Duplex, error: SallyportError): void {
  const fields = {
    ...errorFields(error),
    'Content-Length': textOf(error).length,
    Connection: 'close',
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const status = `HTTP/1.1 ${error.http} ${http.STATUS_CODES[error.http]}\r\n`;
  near.end(`${status}${lines.join('')}\r\n${textOf(error)}`);
}

function errorFields({ code }: SallyportError): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Sallyport-Error': code,
  };
}

function textOf({ code, message }: SallyportError): string {
  return `${code}: ${message}\n`;
}
