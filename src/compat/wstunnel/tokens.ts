/**
 * Rendez-vous tokens, and the services they stand for. A token that the operator has named is a
 * service of that name, under a host of its own too; one that somebody just came with is known by its
 * hash, reachable by the token alone, and forgotten when nobody has used it for long.
 */
import { createGuesses } from '../../access/guesses.ts';
import { digest } from '../../access/tokens.ts';
import { SallyportError } from '../../errors.ts';
import { WSTUNNEL_REAP_MS, WSTUNNEL_TOKEN_IDLE_MS, WSTUNNEL_TOKENS_MAX } from '../../limits.ts';
import { canonicalHost } from '../../net/host.ts';
import type { DialectHost } from '../dialect.ts';
import type { NamedToken } from './named-token.ts';
import type { Tunnel } from './tunnel.ts';

export interface TokenEntry {
  readonly service: string;
  readonly named: boolean;
  readonly tunnels: Map<Tunnel, { readonly peer: string }>;
  /** On the clock of `performance.now`. */
  activeAt: number;
  /** `ip:port` of whoever sent the latest request; null: nobody yet. */
  consumer: string | null;
  /** Takes its routes away. */
  readonly release: () => void;
}

export interface Tokens {
  /**
   * The entry of the token an agent has come with. Throws AUTH_FAILED for one that is not known
   * where it has to be, TOO_MANY_GUESSES, SERVER_BUSY, USAGE for one that cannot be, and
   * HOST_TAKEN where another agent has it.
   */
  admit(token: string, address: string): TokenEntry;
  has(service: string): boolean;
  list(): readonly TokenEntry[];
  close(): void;
}

export function createTokens(
  host: Pick<DialectHost, 'routes' | 'domain' | 'events'>,
  named: readonly NamedToken[],
  open: boolean,
): Tokens {
  const { routes, domain, events } = host;
  const guesses = createGuesses();
  const byHash = new Map<string, TokenEntry>();
  const services = new Set<string>();

  function add(token: string, hash: string, name: string | null): TokenEntry {
    const service = name ?? `wstunnel-${hash.slice(0, 16)}`;
    const releases = [routes.add({ token }, { service })];
    const address = name === null ? null : canonicalHost(`${name}.${domain}`);
    if (address !== null) releases.push(routes.add({ host: address }, { service }));
    const entry: TokenEntry = {
      service,
      named: name !== null,
      tunnels: new Map(),
      activeAt: performance.now(),
      consumer: null,
      release: () => releases.forEach((release) => release()),
    };
    byHash.set(hash, entry);
    services.add(service);
    return entry;
  }

  function admitUnknown(token: string, hash: string, address: string): TokenEntry {
    if (!open) {
      guesses.check(address);
      guesses.wrong(address);
      const reason = 'wstunnel: the rendez-vous token is not known';
      events.publish('auth.failed', { door: 'attach', service: null, peer: address, reason });
      throw new SallyportError('AUTH_FAILED', reason);
    }
    if (byHash.size >= WSTUNNEL_TOKENS_MAX)
      throw new SallyportError('SERVER_BUSY', `wstunnel: ${WSTUNNEL_TOKENS_MAX} tokens are known`);
    return add(token, hash, null);
  }

  function reap(): void {
    const before = performance.now() - WSTUNNEL_TOKEN_IDLE_MS;
    for (const [hash, entry] of byHash) {
      if (entry.named || entry.tunnels.size > 0 || entry.activeAt > before) continue;
      byHash.delete(hash);
      services.delete(entry.service);
      entry.release();
    }
  }

  for (const { name, token } of named) add(token, hashOf(token), name);
  const reaper = setInterval(reap, WSTUNNEL_REAP_MS).unref();

  return {
    admit(token, address) {
      // A known one first: many appliances stand behind one address, and one of them may be set up wrongly.
      const hash = hashOf(token);
      return byHash.get(hash) ?? admitUnknown(token, hash, address);
    },
    has: (service) => services.has(service),
    list: () => [...byHash.values()],
    close: () => clearInterval(reaper),
  };
}

function hashOf(token: string): string {
  return digest(token).toString('hex');
}
