/** The hosts of groups as routes of the server: those that a group no longer lists lead nowhere. */
import { asSallyportError, type SallyportError } from '../../errors.ts';
import type { Routes } from '../../registry/routes.ts';
import type { Group } from './groups.ts';

export interface GroupRoutes {
  /** Has the routes of these groups and no others. Answers the hosts that could not be had, and why. */
  replace(groups: readonly Group[]): readonly UnroutedHost[];
  close(): void;
}

export interface UnroutedHost {
  readonly group: string;
  readonly host: string;
  /** HOST_TAKEN, or HOST_RESERVED. */
  readonly error: SallyportError;
}

export function createGroupRoutes(routes: Pick<Routes, 'add'>): GroupRoutes {
  /** By host. */
  const held = new Map<string, { readonly group: string; readonly release: () => void }>();

  function drop(host: string): void {
    held.get(host)?.release();
    held.delete(host);
  }

  return {
    replace(groups) {
      const wanted = new Map(
        groups.flatMap(({ name, hosts }) => hosts.map((host) => [host, name])),
      );
      // First what goes: a host may have moved to another group.
      for (const [host, { group }] of held) if (wanted.get(host) !== group) drop(host);
      const unrouted: UnroutedHost[] = [];
      for (const [host, group] of wanted) {
        if (held.has(host)) continue;
        try {
          held.set(host, { group, release: routes.add({ host }, { service: group }) });
        } catch (thrown) {
          unrouted.push({ group, host, error: asSallyportError(thrown) });
        }
      }
      return unrouted;
    },
    close() {
      for (const host of held.keys()) drop(host);
    },
  };
}
