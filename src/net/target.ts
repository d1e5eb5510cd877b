/**
 * What an agent dials for a service.
 *
 * | written               | dials                                         |
 * |-----------------------|-----------------------------------------------|
 * | `3000`                | `localhost:3000`, whichever of IPv4 and IPv6 answers |
 * | `HOST:PORT`           | that address                                  |
 * | `tcp://HOST:PORT`     | the same                                      |
 * | `http://HOST[:PORT]`  | the same, port 80 when none is given          |
 * | `https://HOST[:PORT]` | with TLS, port 443 when none is given         |
 * | `unix:/PATH`          | a Unix socket                                 |
 *
 * The parser is its own and not the URL one, which would mend odd input (backslashes, numbers for
 * addresses, tabs) into something else than what was written. A lone `/` at the end is let pass.
 */
import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';
import { UNIX_PATH_MAX_BYTES } from '../limits.ts';
import { formatAddress, parseDialAddress, type HostPort } from './address.ts';
import { parsePort } from './ports.ts';
import { printable, quoted } from './printable.ts';

export interface TcpTarget extends HostPort {
  readonly kind: 'tcp';
  /** Speak TLS to the target. */
  readonly tls: boolean;
}

export interface UnixTarget {
  readonly kind: 'unix';
  /** Absolute. */
  readonly path: string;
  readonly tls: false;
}

export type Target = TcpTarget | UnixTarget;

interface Scheme {
  readonly tls: boolean;
  /** The port when none is written; null when one must be. */
  readonly port: number | null;
}

const schemes: ReadonlyMap<string, Scheme> = new Map([
  ['tcp', { tls: false, port: null }],
  ['http', { tls: false, port: 80 }],
  ['https', { tls: true, port: 443 }],
]);

const surplusNames: Readonly<Record<string, string>> = {
  '/': 'path',
  '?': 'query',
  '#': 'fragment',
};

/** Parses a TARGET. Throws USAGE; the message never repeats a user name, a password or a query. */
export function parseTarget(text: string): Target {
  if (text.startsWith('unix:')) return parseUnix(text);
  if (text.includes('@')) {
    throw new SallyportError(
      'USAGE',
      'target: a user name or password does not belong in it; write HOST:PORT only',
    );
  }
  const bare = parsePort(text, 1);
  if (bare !== null) return { kind: 'tcp', host: 'localhost', port: bare, tls: false };
  return parseUrl(text);
}

function parseUrl(text: string): TcpTarget {
  const [, name = 'tcp', rest] = /^(?:([^/?#]*?):\/\/)?(.*)$/su.exec(text)!;
  const scheme = schemes.get(name.toLowerCase());
  if (scheme === undefined)
    throw refusal(text, `the scheme ${quoted(name)} is unknown; use http, https, tcp or unix`);
  const authority = rest.endsWith('/') ? rest.slice(0, -1) : rest;
  const surplus = /[/?#]/.exec(authority);
  if (surplus !== null) {
    throw refusal(
      text,
      `it has a ${surplusNames[surplus[0]]}, but a request keeps its own; end it after the port`,
    );
  }
  const withPort =
    scheme.port === null || /:[^\]]*$/.test(authority) ? authority : `${authority}:${scheme.port}`;
  return { kind: 'tcp', ...parseDialAddress(withPort, 'target'), tls: scheme.tls };
}

function parseUnix(text: string): UnixTarget {
  const path = text.slice('unix:'.length);
  if (!path.startsWith('/') || path.startsWith('//')) {
    throw refusal(text, 'the path must be absolute; write unix:/run/app.sock');
  }
  if (printable(path) !== path) throw refusal(text, 'the path has control characters');
  if (Buffer.byteLength(path) > UNIX_PATH_MAX_BYTES) {
    throw refusal(
      text,
      `the path is longer than the ${UNIX_PATH_MAX_BYTES} bytes that a Unix socket may have`,
    );
  }
  return { kind: 'unix', path, tls: false };
}

function refusal(text: string, why: string): SallyportError {
  const shown = text.replace(/[?#].*$/s, '…');
  return new SallyportError('USAGE', `target ${quoted(shown)}: ${why}`);
}

/** The target as `parseTarget` reads it, and as it is shown. */
export function formatTarget(target: Target): string {
  if (target.kind === 'unix') return `unix:${target.path}`;
  return target.tls ? `https://${formatAddress(target)}` : formatAddress(target);
}
