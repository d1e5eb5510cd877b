/**
 * Services that the configuration names and that have something to do while no agent is there: they
 * are known, and their host leads to them, before their first agent has come.
 */
import { isServiceName } from '../access/service-name.ts';
import type { SallyportError } from '../errors.ts';
import { canonicalHost } from '../net/host.ts';
import type { Routes } from '../registry/routes.ts';
import type { ServiceRule } from '../registry/service-rules.ts';

export interface ExpectedServices {
  has(service: string): boolean;
  /** Other ones from now on. */
  replace(rules: readonly ServiceRule[]): void;
}

export interface ExpectedServicesOptions {
  readonly routes: Pick<Routes, 'add'>;
  readonly domain: string;
  /** Another service holds the host of this one. */
  taken(service: string, error: SallyportError): void;
}

export function createExpectedServices({
  routes,
  domain,
  taken,
}: ExpectedServicesOptions): ExpectedServices {
  /** By name, what takes the route away. */
  const expected = new Map<string, () => void>();

  function addRoute(service: string): () => void {
    const host = canonicalHost(`${service}.${domain}`);
    if (host === null) return () => {};
    try {
      return routes.add({ host }, { service });
    } catch (thrown) {
      taken(service, thrown as SallyportError);
      return () => {};
    }
  }

  return {
    has: (service) => expected.has(service),

    replace(rules) {
      const named = rules.filter(({ name, whenAbsent }) => whenAbsent && isServiceName(name));
      const wanted = new Set(named.map(({ name }) => name));
      for (const [service, remove] of expected) {
        if (wanted.has(service)) continue;
        expected.delete(service);
        remove();
      }
      for (const service of wanted)
        if (!expected.has(service)) expected.set(service, addRoute(service));
    },
  };
}
