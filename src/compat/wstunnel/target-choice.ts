/** Which server a request goes to: the one of the command line, or the one that X-Host names. */
import { allowedOrigin, type OriginPattern } from '../../agent/x-host/origin-pattern.ts';
import { printable } from '../../net/printable.ts';

export interface TargetChoice {
  /** Where requests without X-Host go; its path stands before theirs. Null: nowhere. */
  readonly server: URL | null;
  /** What X-Host may name. Null: nothing. */
  readonly allowed: OriginPattern | null;
}

/** Not sent anywhere: what is answered instead. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** `xHost` is null without the field. The texts are those of the original. */
export function chooseTarget(
  { server, allowed }: TargetChoice,
  xHost: string | null,
): URL | Refusal {
  if (xHost === null)
    return server ?? forbidden('X-Host header required by wstunnel cli (no -server option)');
  if (allowed === null)
    return forbidden('X-Host header disallowed by wstunnel cli (no -regexp option)');
  const origin = allowedOrigin(allowed, xHost);
  return (
    origin ?? forbidden(`X-Host header '${printable(xHost)}' does not match regexp in wstunnel cli`)
  );
}

function forbidden(text: string): Refusal {
  return { status: 403, text };
}
