/** Words of a script or of a service, made fit for reasons: they go to logs, events and consumers. */
import { POLICY_REASON_MAX_CHARS } from '../../limits.ts';
import { printable } from '../../net/printable.ts';

/** The text in one safe line of bounded length, and without the key that the question held. */
export function reasonFrom(text: string, key: string | null): string {
  const kept = key === null || key === '' ? text : text.replaceAll(key, '***');
  const cut =
    kept.length > POLICY_REASON_MAX_CHARS ? `${kept.slice(0, POLICY_REASON_MAX_CHARS)}…` : kept;
  return printable(cut);
}
