/** The fields of requests and responses that are passed on: without those of one connection, and X-Host. */
import type { IncomingMessage } from 'node:http';

/** RFC 9110, section 7.6.1. */
const ofOneConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Without a length they have no body; others would be sent with an empty chunked one. */
const bare: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** Names and values by turns. `origin` is where it goes; null: to the target, under the Host it came with. */
export function requestFields(incoming: IncomingMessage, origin: URL | null): string[] {
  const { headers } = incoming;
  const passed = fieldsOf(incoming, (name) => {
    if (name === 'host') return origin === null;
    // It has been answered: whoever waits for leave to send has it by now.
    return name !== 'x-host' && name !== 'expect';
  });
  if (origin !== null) passed.push('Host', origin.host);
  if (headers['transfer-encoding'] !== undefined) passed.push('Transfer-Encoding', 'chunked');
  else if (headers['content-length'] === undefined && !bare.has(incoming.method!))
    passed.push('Content-Length', '0');
  if (headers.upgrade !== undefined)
    passed.push('Connection', 'Upgrade', 'Upgrade', headers.upgrade);
  return passed;
}

export function responseFields(response: IncomingMessage): string[] {
  return fieldsOf(response, () => true);
}

function fieldsOf(
  { headers, rawHeaders }: IncomingMessage,
  wanted: (name: string) => boolean,
): string[] {
  const hop = new Set(headers.connection?.toLowerCase().split(/[ \t]*,[ \t]*/));
  const passed: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at].toLowerCase();
    if (!ofOneConnection.has(name) && !hop.has(name) && wanted(name))
      passed.push(rawHeaders[at], rawHeaders[at + 1]);
  }
  return passed;
}
