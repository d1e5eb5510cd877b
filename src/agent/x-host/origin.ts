/** What an X-Host field may say: one origin, written in the one way that leaves nothing to read otherwise. */
import { WSTUNNEL_ORIGIN_MAX_CHARS } from '../../limits.ts';
import { canonicalHost } from '../../net/host.ts';

/** No user, path, query or fragment; no backslash, escape or dot at the end of the name. */
const shape = /^https?:\/\/(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[1-9]\d{0,4})?$/;
const defaultPort = /^(http:.*):80$|^(https:.*):443$/;

/**
 * The origin, or null for what is none or is not in its normal form: numbers that are read as
 * addresses, IPv4 inside IPv6, zeros that can be left out. Letters in capitals and a default port are
 * no harm.
 */
export function parseOrigin(value: string): URL | null {
  if (value.length > WSTUNNEL_ORIGIN_MAX_CHARS) return null;
  const text = value.toLowerCase();
  const url = shape.test(text) ? URL.parse(text) : null;
  if (url === null || url.origin !== text.replace(defaultPort, '$1$2')) return null;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return canonicalHost(host) === host ? url : null;
}
