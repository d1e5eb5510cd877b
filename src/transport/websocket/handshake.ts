/**
 * The opening handshake, RFC 6455 section 4, as text: both ends. No extensions are offered or
 * accepted; one subprotocol is spoken, or none (null), as some older protocols have it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { SallyportError } from '../../errors.ts';

/** What a field value and a reason phrase may hold, RFC 9110 section 5.5, in Latin-1. */
const fieldText = /^[\t\x20-\x7e\x80-\xff]*$/;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A fresh Sec-WebSocket-Key. */
export function newKey(): string {
  return randomBytes(16).toString('base64');
}

/** The Sec-WebSocket-Accept that proves the server understood the key. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/** True for 16 bytes in base64, the only valid keys. */
export function isKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(key);
}

/**
 * The client's request; `protocol`: the subprotocols it offers, with `, ` between; `headers` are further fields. Throws USAGE, without showing it, when a part
 * holds what cannot stand in a head: a line end would let it add fields of its own.
 */
export function upgradeRequest(
  path: string,
  host: string,
  key: string,
  protocol: string | null,
  headers: Readonly<Record<string, string>>,
): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  if (!lines.every((line) => fieldText.test(line))) {
    throw new SallyportError(
      'USAGE',
      'dial: the URL or the token holds a line end or another control character',
    );
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The server's agreement. */
export function upgradeResponse(key: string, protocol: string | null): string {
  const spoken = protocol === null ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return (
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n${spoken}\r\n`
  );
}

/** A response head taken apart. */
export interface ResponseHead {
  status: number;
  reason: string;
  /** Lower-case names; the values of repeated fields are joined with a comma. */
  fields: ReadonlyMap<string, string>;
}

/** Takes a response head (without its last empty line) apart; null when it is not HTTP/1.1. */
export function readResponseHead(text: string): ResponseHead | null {
  const [first, ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: (.*))?$/.exec(first);
  if (status === null || !fieldText.test(first)) return null;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1 || !token.test(line.slice(0, colon)) || !fieldText.test(line)) return null;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(status[1]), reason: status[2] ?? '', fields };
}

/**
 * What is wrong with a 101 response to our request; null when it is right. With `optional` the server
 * may leave the subprotocol out, but not name another.
 */
export function upgradeFault(
  head: ResponseHead,
  key: string,
  protocol: string | null,
  optional = false,
): string | null {
  const { fields } = head;
  if (fields.get('upgrade')?.toLowerCase() !== 'websocket')
    return 'it does not upgrade to websocket';
  const connection =
    fields
      .get('connection')
      ?.toLowerCase()
      .split(/[ \t]*,[ \t]*/) ?? [];
  if (!connection.includes('upgrade')) return 'its Connection field does not say upgrade';
  if (fields.get('sec-websocket-accept') !== acceptOf(key))
    return 'its Sec-WebSocket-Accept is wrong';
  const spoken = fields.get('sec-websocket-protocol') ?? null;
  const offered = protocol?.split(', ') ?? [];
  if (spoken === null ? protocol !== null && !optional : !offered.includes(spoken))
    return protocol === null
      ? 'it speaks a subprotocol that was not offered'
      : `it does not speak ${protocol}`;
  if (fields.has('sec-websocket-extensions')) return 'it uses an extension that was not offered';
  return null;
}
