/**
 * Who a request comes from when trusted proxies passed it on. Each proxy adds whom it heard from at
 * the right end of X-Forwarded-For, or of Forwarded (RFC 7239, section 4). So the list is read from
 * the right: every address up to the first untrusted one was written by a proxy that is believed, and
 * what stands left of that one is its own invention, for all anybody knows.
 */
import type { HostPort } from '../net/address.ts';
import { canonicalAddress } from '../net/host.ts';
import { parsePort } from '../net/ports.ts';
import { FORWARDED, X_FORWARDED_FOR } from './field-kinds.ts';
import type { FieldSection } from './field-section.ts';

const ipv6 = String.raw`[\da-f]*:[\da-f:.]+`;
/** An address in any form that proxies write; a port may be hidden (`_x`, RFC 7239, section 6). */
const node = new RegExp(
  String.raw`^(?:(?:\[(${ipv6})\]|([\d.]+))(?::(?:(\d{1,5})|_[\w.-]+))?|(${ipv6}))$`,
  'i',
);
/** `name=value` of a Forwarded element. No value that matters here needs a backslash. */
const pair = /([\w!#$%&'*+\-.^`|~]+)=(?:"([^"\\]*)"|([^\s",;=\\]+))[ \t]*(?:;[ \t]*|$)/y;

/**
 * The rightmost address that is not trusted; where all are, or a malformed entry ends the list early,
 * the last good one. Null: there is none. Port 0: the proxy named none.
 *
 * X-Forwarded-For goes before Forwarded, which few proxies know and many let through as it came.
 */
export function forwardedClient(
  fields: FieldSection,
  bytes: Buffer,
  base: number,
  trusted: (address: string) => boolean,
): HostPort | null {
  const kind = fields.has(X_FORWARDED_FOR) ? X_FORWARDED_FOR : FORWARDED;
  let client: HostPort | null = null;
  for (const element of elementsFromRight(fields, bytes, base, kind)) {
    const text = kind === FORWARDED ? forOf(element) : element;
    const next = text === null ? null : parseNode(text);
    if (next === null) break;
    client = next;
    if (!trusted(client.host)) break;
  }
  return client;
}

/**
 * The elements of all fields of a kind as one list, last one first, without the empty ones (RFC 9110,
 * section 5.6.1). Quotes are followed from the right, too: one that a client left open on the left
 * cannot swallow what the proxies wrote behind it.
 */
export function* elementsFromRight(
  fields: FieldSection,
  bytes: Buffer,
  base: number,
  kind: number,
): Generator<string> {
  for (let index = fields.count - 1; index >= 0; index--) {
    if (fields.kinds[index] !== kind) continue;
    const list = fields.text(bytes, base, index);
    let end = list.length;
    let quoted = false;
    for (let i = end - 1; i >= -1; i--) {
      if (i >= 0 && list[i] === '"') quoted = !quoted;
      if (i >= 0 && (quoted || list[i] !== ',')) continue;
      const element = list.slice(i + 1, end).trim();
      if (element !== '') yield element;
      end = i;
    }
  }
}

/** The `for` of a Forwarded element; null when it has none, or is malformed. */
function forOf(element: string): string | null {
  let found: string | null = null;
  pair.lastIndex = 0;
  while (pair.lastIndex < element.length) {
    const match = pair.exec(element);
    if (match === null) return null;
    if (match[1].toLowerCase() !== 'for') continue;
    if (found !== null) return null;
    found = match[2] ?? match[3];
  }
  return found;
}

function parseNode(text: string): HostPort | null {
  const match = node.exec(text);
  if (match === null) return null;
  const host = canonicalAddress(match[1] ?? match[2] ?? match[4]);
  const port = match[3] === undefined ? 0 : parsePort(match[3], 0);
  return host === null || port === null ? null : { host, port };
}
