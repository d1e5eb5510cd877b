/**
 * Which proxy a dial goes through: the one that was named, else the one that the environment names
 * for that kind of URL, unless NO_PROXY lists the host.
 *
 * | written                        | spoken to the proxy                     |
 * |--------------------------------|-----------------------------------------|
 * | `http://[USER:PASS@]HOST:PORT`  | HTTP CONNECT (RFC 9110, section 9.3.6)  |
 * | `https://[USER:PASS@]HOST:PORT` | the same, inside TLS                    |
 * | `socks5://[USER:PASS@]HOST:PORT` | SOCKS 5 (RFC 1928, RFC 1929); the proxy looks names up |
 */
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { createCidrSet } from '../../net/cidr.ts';
import { canonicalHost } from '../../net/host.ts';
import { parsePort } from '../../net/ports.ts';

export interface OutgoingProxy {
  readonly kind: 'http' | 'https' | 'socks5';
  readonly host: string;
  readonly port: number;
  /** A secret: never in messages. */
  readonly login: { readonly user: string; readonly password: string } | null;
}

const kinds: Readonly<Record<string, { kind: OutgoingProxy['kind']; port: number | null }>> = {
  'http:': { kind: 'http', port: 80 },
  'https:': { kind: 'https', port: 443 },
  'socks5:': { kind: 'socks5', port: 1080 },
  'socks5h:': { kind: 'socks5', port: 1080 },
};

/** Parses a proxy; a bare `HOST:PORT` is an HTTP one. Throws USAGE, which repeats nothing of the text: it may hold a password. */
export function parseProxy(text: string, what = 'proxy'): OutgoingProxy {
  const refuse = (why: string): never => {
    throw new SallyportError(
      'USAGE',
      `${what}: ${why}; write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before HOST where it asks for a login`,
    );
  };
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null) return refuse('it is not a URL');
  const known = kinds[url.protocol];
  if (known === undefined) return refuse('its scheme is none of http, https and socks5');
  if (url.pathname.length > 1 || url.search !== '' || url.hash !== '')
    return refuse('it has a path, query or fragment');
  const host = canonicalHost(url.hostname);
  if (host === null) return refuse('its host is not a host name or an IP address');
  const port = url.port === '' ? known.port : parsePort(url.port, 1);
  if (port === null) return refuse('its port is not a number from 1 to 65535');
  return { kind: known.kind, host, port, login: loginOf(url, refuse) };
}

function loginOf(url: URL, refuse: (why: string) => never): OutgoingProxy['login'] {
  if (url.username === '' && url.password === '') return null;
  try {
    const user = decodeURIComponent(url.username);
    const password = decodeURIComponent(url.password);
    // RFC 7617, section 2: no colon in the user's name; no controls in either.
    if (user.includes(':') || /\p{Cc}/u.test(user + password))
      return refuse('its login holds a colon in the user name, or control characters');
    return { user, password };
  } catch {
    return refuse('its login has a percent sign that encodes nothing; write %25 for one');
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a dial to `host:port`, from the environment: `https_proxy` for TLS, `http_proxy` for
 * the rest, `all_proxy` for both, in lower case first and then in capitals. Null: none. Throws USAGE
 * for one that cannot be read, naming the variable.
 */
export function proxyFromEnvironment(
  env: Environment,
  target: { readonly host: string; readonly port: number; readonly secure: boolean },
): OutgoingProxy | null {
  const names = [target.secure ? 'https_proxy' : 'http_proxy', 'all_proxy'];
  for (const name of names.flatMap((lower) => [lower, lower.toUpperCase()])) {
    const value = env[name]?.trim();
    if (!value) continue;
    return exempt(env['no_proxy'] ?? env['NO_PROXY'] ?? '', target)
      ? null
      : parseProxy(value, name);
  }
  return null;
}

/**
 * Whether NO_PROXY lists the target: `*`, a host (and every name below it, with or without a leading
 * dot), an address, a CIDR block; each with `:port` behind it for that port only.
 */
function exempt(list: string, { host, port }: { host: string; port: number }): boolean {
  return list.split(/[\s,]+/).some((entry) => {
    const [, name, only] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
    if (name === undefined || name === '' || (only !== undefined && Number(only) !== port))
      return false;
    if (name === '*') return true;
    const bare = name.replace(/^\[|\]$/g, '');
    return net.isIP(host) === 0 ? isBelow(host, bare) : isInBlock(host, bare);
  });
}

function isBelow(host: string, entry: string): boolean {
  const domain = entry.toLowerCase().replace(/^\*?\./, '');
  return host === domain || host.endsWith(`.${domain}`);
}

function isInBlock(address: string, entry: string): boolean {
  try {
    return createCidrSet([entry])(address);
  } catch {
    return false; // a name, or nothing that is known
  }
}
