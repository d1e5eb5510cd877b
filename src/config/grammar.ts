/** Values with a grammar of their own: names, hosts, paths, addresses, URLs, credentials. */
import { SallyportError } from '../errors.ts';
import { createAllowList } from '../access/allow.ts';
import { isCertificateRule } from '../access/authenticate/certificate-authenticator.ts';
import { hashConsumerPassword } from '../access/consumer-password.ts';
import { isServiceName } from '../access/service-name.ts';
import { checkToken, parseTokenHash } from '../access/tokens.ts';
import { parseNamedToken } from '../compat/wstunnel/named-token.ts';
import { createOriginPattern } from '../agent/x-host/origin-pattern.ts';
import { eventTypes } from '../events/schema.ts';
import { createGlob } from '../net/glob.ts';
import { canonicalHost } from '../net/host.ts';
import { createCidrSet } from '../net/cidr.ts';
import { parseDialAddress, parseListenAddress } from '../net/address.ts';
import { parsePortRanges } from '../net/ports.ts';
import { parseSyslogAddress } from '../observe/syslog/address.ts';
import { parseProxy } from '../transport/outgoing/proxy.ts';
import { parseTarget } from '../net/target.ts';
import { quoted } from '../net/printable.ts';
import { CONSUMER_KEY_MAX_CHARS, RENDEZVOUS_TOKEN_MIN_CHARS } from '../limits.ts';
import { suggestion } from './nearest.ts';
import { parsable, text } from './values.ts';

/** The name of a service. */
export function serviceName() {
  return text((value) =>
    isServiceName(value)
      ? null
      : `must be 1 to 128 letters, digits, dots, underscores or hyphens, not ${quoted(value)}`,
  );
}

/** A glob of types of events: one that no type matches is a slip of the pen. */
export function eventTypeGlob() {
  return text((value) => {
    if (eventTypes.some(createGlob(value))) return null;
    const kinds = eventTypes.map((type) => type.replace(/[^.]+$/, '*'));
    const meant = suggestion(value, [...eventTypes, ...kinds]);
    return `is no type of event${meant || `; they are ${eventTypes.join(', ')}`}`;
  });
}

/** What an agent dials. */
export function target() {
  return parsable(parseTarget);
}

/** What an agent dials for a TCP service, whose bytes it passes as they are. */
export function tcpTarget() {
  return parsable((value) => {
    if (parseTarget(value).tls) {
      throw new SallyportError(
        'USAGE',
        'a TCP service passes bytes as they are; write HOST:PORT without https',
      );
    }
  });
}

/** `host:port` to dial. */
export function dialAddress() {
  return parsable((value) => parseDialAddress(value));
}

/** Address to listen on; `defaultHost` stands in for a missing host. */
export function listenAddress(defaultHost: string) {
  return parsable((value) => parseListenAddress(value, defaultHost));
}

/** An IP address or a CIDR block. */
export function cidr() {
  return parsable((value) => createCidrSet([value]));
}

/** Ports and ranges of ports. */
export function portRanges() {
  return parsable(parsePortRanges);
}

/** A host, without port. */
export function hostName() {
  return text((value) =>
    canonicalHost(value) === null
      ? `must be a host name or an IP address without port, not ${quoted(value)}`
      : null,
  );
}

/** A host, or `*.` and the domain below which every host is meant. */
export function hostPattern() {
  return text((value) => {
    const host = value.startsWith('*.') ? value.slice(2) : value;
    return canonicalHost(host) === null
      ? `must be a host name such as app.example.com or *.example.com, not ${quoted(value)}`
      : null;
  });
}

/** A Host field: a host with or without port. */
export function hostField() {
  return text((value) => {
    if (canonicalHost(value) !== null) return null;
    try {
      parseDialAddress(value);
      return null;
    } catch {
      return `must be a host, or host:port, not ${quoted(value)}`;
    }
  });
}

/** A path prefix on which a service is reachable. Whole segments, as they stand in a request. */
export function pathPrefix() {
  return text((value) => {
    if (!value.startsWith('/')) return `must begin with a slash, not be ${quoted(value)}`;
    if (/[^\x21-\x7e]|[?#\\]/.test(value))
      return `must be a plain path, not ${quoted(value)}; write other characters as %XX`;
    if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(value))
      return 'must not hold . or .. segments; write the path that is meant';
    return null;
  });
}

const SERVER_SCHEMES = new Set(['ws:', 'wss:', 'http:', 'https:']);
const PUBLIC_SCHEMES = new Set(['http:', 'https:']);

/** Where a server is. A path is put before that of the attach door, for proxies that share a host. */
export function serverUrl() {
  return text(serverUrlFault);
}

/** Why the text is no URL of a server; null: it is one. */
export function serverUrlFault(value: string): string | null {
  return wrongUrl(value, SERVER_SCHEMES, 'wss://tunnel.example.com or ws://127.0.0.1:8080');
}

/** An outgoing proxy, or `none`. */
export function proxy() {
  return parsable((value) => value === 'none' || parseProxy(value));
}

/** Where a syslog listens. */
export function syslogAddress() {
  return parsable(parseSyslogAddress);
}

/** The URL under which consumers see the server: services hang below its host, so it has no path. */
export function publicUrl() {
  return text((value) => {
    const wrong = wrongUrl(value, PUBLIC_SCHEMES, 'https://tunnel.example.com');
    if (wrong !== null) return wrong;
    const { protocol, host, pathname } = new URL(value);
    return pathname === '/' ? null : `must end after the host and port: ${protocol}//${host}`;
  });
}

/** What a client certificate has to say. */
export function certificateRule() {
  return text((value) =>
    isCertificateRule(value)
      ? null
      : 'must begin with CN:, DNS:, URI:, EMAIL:, IP: or SHA256:, such as CN:agent-*',
  );
}

/** An HTTP service that the server calls. A path and a query are allowed: often they are what lets a call in. */
export function calledUrl() {
  return text((value) => {
    const url = URL.parse(value);
    if (url === null || !PUBLIC_SCHEMES.has(url.protocol) || url.username + url.password !== '')
      return 'must be an http or https URL without user name and password';
    return null;
  });
}

/** Credentials, queries and fragments would be lost, or end up in logs. */
function wrongUrl(value: string, schemes: ReadonlySet<string>, example: string): string | null {
  const url = URL.parse(value);
  if (url === null || !schemes.has(url.protocol) || !/^[a-z]+:\/\/[^/\\]/i.test(value))
    return `must be a URL such as ${example}`;
  if (value.includes('@'))
    return 'must not hold credentials; give them with --token or --token-file';
  if (/[?#]/.test(value))
    return `must end before the query or fragment: ${url.protocol}//${url.host}`;
  return null;
}

/** A token or a key: visible ASCII. */
export function token() {
  return parsable(checkToken);
}

/** A key for the service itself. */
export function consumerKey() {
  return text((value) =>
    /^[\x21-\x7e]+$/.test(value) && value.length <= CONSUMER_KEY_MAX_CHARS
      ? null
      : `must be 1 to ${CONSUMER_KEY_MAX_CHARS} printable ASCII characters without spaces`,
  );
}

/** `sha256:` and the hash of a token. */
export function tokenHash() {
  return parsable(parseTokenHash);
}

/** A rendez-vous token becomes a path segment, and is found by guessing when it is shorter. */
export function rendezvousToken() {
  return text((value) =>
    value.length < RENDEZVOUS_TOKEN_MIN_CHARS
      ? `has ${value.length} characters; use at least ${RENDEZVOUS_TOKEN_MIN_CHARS}`
      : /^[A-Za-z0-9._~-]+$/.test(value)
        ? null
        : 'must hold only letters, digits and . _ ~ -, because it can stand in a path',
  );
}

/** A regexp of origins. */
export function originPattern() {
  return parsable(createOriginPattern);
}

/** `NAME=TOKEN`: a rendez-vous token with the name of its service. */
export function namedToken() {
  return parsable(parseNamedToken);
}

/** `user:pass` that a service asks of its consumers. */
export function userAndPassword() {
  return parsable(hashConsumerPassword);
}

/** What an identity is called. */
export function identityName() {
  return text((value) =>
    /^[^\s:\p{C}]{1,128}$/u.test(value)
      ? null
      : 'must be 1 to 128 characters without spaces, colons and controls',
  );
}

/** A rule of an allow-list. */
export function allowRule() {
  return parsable((value) => createAllowList([value]));
}

const DEFAULT_HOST = '0.0.0.0';
const DEFAULT_PORT = '8080';

/** `HOST` and `PORT`, which hosting platforms set, as a listen address. */
export function ambientListen(env: NodeJS.ProcessEnv): string | undefined {
  const { HOST: host = '', PORT: port = '' } = env;
  if (host === '' && port === '') return undefined;
  const shown = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `${shown === '' ? DEFAULT_HOST : shown}:${port === '' ? DEFAULT_PORT : port}`;
}

/** Where a server listens unless told otherwise. */
export const defaultListen = `${DEFAULT_HOST}:${DEFAULT_PORT}`;
