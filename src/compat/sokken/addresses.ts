/** The addresses that may be dialled: a client's wish is one of them to the letter, or it is none. */
import { formatAddress, parseDialAddress, type HostPort } from '../../net/address.ts';

export interface DirectAddresses {
  /** As they were written. */
  readonly written: readonly string[];
  /** The one that is written so, or that has this canonical form; null: it is not allowed. */
  find(text: string): HostPort | null;
}

/** Without a host it is this machine, as in Go programs: `:22`. Throws USAGE. */
export function createDirectAddresses(written: readonly string[]): DirectAddresses {
  const found = new Map<string, HostPort>();
  for (const text of written) {
    const address = parseDialAddress(text.startsWith(':') ? `localhost${text}` : text);
    found.set(text, address);
    found.set(formatAddress(address), address);
  }
  return { written, find: (text) => found.get(text) ?? null };
}
