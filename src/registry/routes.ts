/**
 * Which service a public request goes to. Precedence, from first to last:
 *
 * 1. a rendez-vous token, in the X-Token field or as `/_token/TOKEN/…` at the start of the target;
 * 2. the exact host; 3. wildcards (`*.example.com`: one label or more), the longest suffix first; with
 *    each of them the longest path prefix;
 * 4. a path prefix on the hosts of the server itself: all that no service holds, but for the names
 *    below its domain.
 *
 * A host is held as soon as one route names it: what its routes do not match is unknown, and does not
 * fall through to the server itself. Paths are compared raw, by whole segments (`/api` is `/api`,
 * `/api/x` and `/api?x`, not `/apix`), so that nothing is decided on another spelling than the one
 * that is forwarded.
 */
import { hash } from 'node:crypto';
import type { ConsumerAuth } from '../access/consumer-password.ts';
import { SallyportError } from '../errors.ts';
import { hostEnd, NOT_AN_AUTHORITY } from '../http1/authority.ts';
import { RENDEZVOUS_TOKEN_MIN_CHARS } from '../limits.ts';
import { canonicalHost } from '../net/host.ts';
import { quoted } from '../net/printable.ts';
import { PathRoutes, type Route } from './path-routes.ts';

export interface HttpRoute {
  readonly service: string;
  /** Sent to the target in place of the client's Host. */
  readonly rewriteHost?: string;
  /** Asked of every consumer of this route. */
  readonly consumerAuth?: ConsumerAuth;
}

/** Where a route is reachable: by a token, or by host, path, or both. */
export interface RouteKey {
  /** A host name, or `*.` and one. Without it a path is one of the server's own hosts. */
  readonly host?: string;
  /** A path prefix, beginning with a slash. */
  readonly path?: string;
  /**
   * RENDEZVOUS_TOKEN_MIN_CHARS or more visible characters of ASCII, compared byte by byte. One with a
   * slash, question mark or hash is no segment of a path: it is found in the field alone.
   */
  readonly token?: string;
}

export interface Routes {
  /**
   * Adds a route; the same service may add it again, which makes the newest one count. Returns what
   * takes it away: it is gone when all have been. Throws HOST_TAKEN, HOST_RESERVED or USAGE.
   */
  add(key: RouteKey, route: HttpRoute): () => void;
  /** Calls back behind each route that is taken away: its host may be free. Returns what ends that. */
  whenFreed(freed: () => void): () => void;
  /** Raised by each change: what was looked up under another version is void. */
  readonly version: number;
  /** The routes of a canonical host, the most specific first; null when no service holds it. */
  byHost(host: string): readonly PathRoutes[] | null;
  /** The path prefixes of the server's own hosts; null for a name below the domain, which is none. */
  ownPaths(host: string): PathRoutes | null;
  byToken(token: string): Route | null;
  /** All of them, as they stand. */
  list(): ListedRoute[];
}

export interface ListedRoute {
  /** What makes a request match: its host, `*.` and a domain among them; its path alone; a token. */
  readonly by: 'host' | 'path' | 'token';
  /** Null where the host does not matter. */
  readonly host: string | null;
  /** Prefix; `/` for all paths. */
  readonly path: string;
  readonly service: string;
}

const tokenShape = /^[\x21-\x7e]*$/;
const pathShape = /^\/[\x21-\x7e]*$/;

/** `domain` is the server's own: its name cannot be taken, names below it are services. */
export function createRoutes(domain: string): Routes {
  const own = canonicalHost(domain);
  const exact = new Map<string, PathRoutes>();
  const wildcard = new Map<string, PathRoutes>();
  const tokens = new Map<string, PathRoutes>();
  const ownPaths = new PathRoutes();
  const waiting = new Set<() => void>();
  let version = 0;

  function addTo(
    map: Map<string, PathRoutes>,
    key: string,
    path: string,
    route: Route,
    what: string,
  ): () => void {
    const routes = map.get(key) ?? new PathRoutes();
    const remove = routes.add(path, route, what);
    map.set(key, routes);
    version++;
    return () => {
      remove();
      if (routes.empty && map.get(key) === routes) map.delete(key);
      version++;
      for (const freed of waiting) freed();
    };
  }

  function addOwn(path: string, route: Route): () => void {
    const remove = ownPaths.add(path, route, `path ${quoted(path)}`);
    version++;
    return () => {
      remove();
      version++;
    };
  }

  return {
    add({ host, path, token }, { service, rewriteHost, consumerAuth }) {
      const route: Route = {
        service,
        hostLine: rewriteHost === undefined ? null : hostLine(rewriteHost),
        consumerAuth: consumerAuth ?? null,
      };
      if (token !== undefined)
        return addTo(tokens, tokenKey(checkRouteToken(token)), '/', route, 'rendez-vous token');
      const prefix = checkPath(path ?? '/');
      if (host === undefined) {
        if (prefix === '/')
          throw new SallyportError('USAGE', 'route: it needs a host, a path or a token');
        return addOwn(prefix, route);
      }
      const isWildcard = host.startsWith('*.');
      const name = canonicalHost(isWildcard ? host.slice(2) : host);
      if (name === null) throw new SallyportError('USAGE', `host ${quoted(host)}: not a host name`);
      const what = `host ${quoted(host)}${prefix === '/' ? '' : ` with path ${quoted(prefix)}`}`;
      if (name === own)
        throw new SallyportError('HOST_RESERVED', `${what}: it is the server's own domain`);
      return addTo(isWildcard ? wildcard : exact, name, prefix, route, what);
    },

    whenFreed(freed) {
      waiting.add(freed);
      return () => void waiting.delete(freed);
    },

    get version() {
      return version;
    },

    byHost(host) {
      const found: PathRoutes[] = [];
      const here = exact.get(host);
      if (here !== undefined) found.push(here);
      if (wildcard.size > 0) {
        for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
          const suffix = wildcard.get(host.slice(dot + 1));
          if (suffix !== undefined) found.push(suffix);
        }
      }
      return found.length > 0 ? found : null;
    },

    ownPaths: (host) => (own !== null && host.endsWith(`.${own}`) ? null : ownPaths),

    byToken(token) {
      if (token.length < RENDEZVOUS_TOKEN_MIN_CHARS) return null;
      return tokens.get(tokenKey(token))?.whole ?? null;
    },

    list: () => [
      ...[...exact].flatMap(([host, routes]) => listed('host', host, routes)),
      ...[...wildcard].flatMap(([host, routes]) => listed('host', `*.${host}`, routes)),
      ...listed('path', null, ownPaths),
      ...[...tokens.values()].flatMap((routes) => listed('token', null, routes)),
    ],
  };
}

function listed(by: ListedRoute['by'], host: string | null, routes: PathRoutes): ListedRoute[] {
  return routes.list().map((route) => ({ by, host, ...route }));
}

/** It goes into every request as it is, so it must not hold anything but a host. */
function hostLine(host: string): Buffer {
  const bytes = Buffer.from(host);
  if (hostEnd(bytes, 0, bytes.length) === NOT_AN_AUTHORITY) {
    throw new SallyportError(
      'USAGE',
      `rewrite host ${quoted(host)}: not a host name with an optional port`,
    );
  }
  return Buffer.from(`Host: ${host}\r\n`);
}

/** Looked up by its hash: how long a look-up takes says nothing about the tokens there are. */
function tokenKey(token: string): string {
  return hash('sha256', token);
}

/** The token, where a route can have it. Throws USAGE, without showing it. */
export function checkRouteToken(token: string): string {
  if (token.length < RENDEZVOUS_TOKEN_MIN_CHARS || !tokenShape.test(token)) {
    throw new SallyportError(
      'USAGE',
      `rendez-vous token: it needs ${RENDEZVOUS_TOKEN_MIN_CHARS} or more visible characters of ASCII`,
    );
  }
  return token;
}

/** A path prefix without the slash at its end. */
function checkPath(path: string): string {
  if (!pathShape.test(path) || /[?#\\]/.test(path)) {
    throw new SallyportError(
      'USAGE',
      `path ${quoted(path)}: it must begin with a slash and hold no query, fragment or backslash`,
    );
  }
  const prefix = path === '/' ? path : path.replace(/\/$/, '');
  if (prefix.split('/').slice(1).some(isAmbiguous)) {
    throw new SallyportError(
      'USAGE',
      `path ${quoted(path)}: empty segments, "." and ".." would never match a request`,
    );
  }
  return prefix;

  function isAmbiguous(segment: string): boolean {
    return prefix !== '/' && (segment === '' || segment === '.' || segment === '..');
  }
}
