/**
 * The hosts of groups as routes of the server: those that a group no longer lists lead nowhere. One that
 * somebody else has is the group's as soon as it is free.
 */
import { asSallyportError, type SallyportError } from '../../errors.ts';
import type { Routes } from '../../registry/routes.ts';
import type { Group } from './groups.ts';

export interface GroupRoutes {
  /** Has the routes of these groups and no others. Answers the hosts that could not be had, and why. */
  replace(groups: readonly Group[]): readonly UnroutedHost[];
  close(): void;
}

export interface HostOfGroup {
  readonly group: string;
  readonly host: string;
}

export interface UnroutedHost extends HostOfGroup {
  /** HOST_TAKEN, or HOST_RESERVED. */
  readonly error: SallyportError;
}

/** `gained` is called for each host that could not be had before. */
export function createGroupRoutes(
  routes: Pick<Routes, 'add' | 'whenFreed'>,
  gained: (host: HostOfGroup) => void,
): GroupRoutes {
  /** By host. */
  const held = new Map<string, { readonly group: string; readonly release: () => void }>();
  let unrouted: readonly UnroutedHost[] = [];
  let again: NodeJS.Immediate | null = null;

  function drop(host: string): void {
    held.get(host)?.release();
    held.delete(host);
  }

  /** Answers those that could not be had. */
  function take(wanted: readonly HostOfGroup[]): readonly UnroutedHost[] {
    return wanted.flatMap(({ group, host }) => {
      try {
        held.set(host, { group, release: routes.add({ host }, { service: group }) });
        return [];
      } catch (thrown) {
        return [{ group, host, error: asSallyportError(thrown) }];
      }
    });
  }

  function takeAgain(): void {
    again = null;
    const before = unrouted;
    unrouted = take(before);
    for (const { group, host } of before) if (held.has(host)) gained({ group, host });
  }

  const stopWaiting = routes.whenFreed(() => {
    // In a turn of its own: whoever gave a host up may be about to take it again.
    if (unrouted.length > 0) again ??= setImmediate(takeAgain);
  });

  return {
    replace(groups) {
      const wanted = groups.flatMap(({ name, hosts }) =>
        hosts.map((host) => ({ group: name, host })),
      );
      const groupOf = new Map(wanted.map(({ group, host }) => [host, group]));
      // First what goes: a host may have moved to another group.
      for (const [host, { group }] of held) if (groupOf.get(host) !== group) drop(host);
      unrouted = take(wanted.filter(({ host }) => !held.has(host)));
      return unrouted;
    },
    close() {
      stopWaiting();
      clearImmediate(again ?? undefined);
      for (const host of held.keys()) drop(host);
    },
  };
}
