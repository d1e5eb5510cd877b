/** The host that a request was sent to before trusted proxies passed it on. */
import { canonicalHost } from '../net/host.ts';
import { hostEnd, NOT_AN_AUTHORITY } from './authority.ts';
import { X_FORWARDED_HOST } from './field-kinds.ts';
import type { FieldSection } from './field-section.ts';
import { elementsFromRight } from './forwarded-client.ts';
import { requestRefusals } from './refusals.ts';

/**
 * The canonical host in X-Forwarded-Host, without a port; null without that field,
 * or with nothing in it. Of a list the last
 * element counts: the nearest proxy wrote it, and what stands before it may be the client's own
 * invention. Throws REQUEST_INVALID for what is no host.
 */
export function forwardedHost(fields: FieldSection, bytes: Buffer, base: number): string | null {
  if (!fields.has(X_FORWARDED_HOST)) return null;
  const [written] = elementsFromRight(fields, bytes, base, X_FORWARDED_HOST);
  if (written === undefined) return null;
  const text = Buffer.from(written, 'latin1');
  const end = hostEnd(text, 0, text.length);
  const host = end === NOT_AN_AUTHORITY ? null : canonicalHost(text.toString('latin1', 0, end));
  if (host === null) throw requestRefusals.invalid('X-Forwarded-Host is not a host');
  return host;
}
