/** The groups as they are now: their doors and routes, put in the place of others as a whole. */
import { isDeepStrictEqual } from 'node:util';
import { asSallyportError, type SallyportError } from '../../errors.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Routes } from '../../registry/routes.ts';
import { createGroupDoor, type GroupDoor } from './group-door.ts';
import { createGroupRoutes, type UnroutedHost } from './group-routes.ts';
import type { Places } from './groups-places.ts';
import type { Group } from './groups.ts';

export interface GroupEntry {
  readonly group: Group;
  readonly door: GroupDoor;
}

export interface GroupSet {
  has(name: string): boolean;
  /** The same entry for as long as the group asks for the same. */
  get(name: string): GroupEntry | undefined;
  close(): void;
}

export interface GroupSetOptions {
  readonly spec: string;
  readonly places: Places;
  readonly routes: Pick<Routes, 'add' | 'whenFreed'>;
  readonly log: Logger;
  /** These are the groups from now on. */
  taken(groups: readonly Group[]): void;
  /** They, or secrets of theirs, are others than they were. */
  changed(): void;
}

/** Rejects with CONFIG_INVALID, and at the start with HOST_TAKEN or HOST_RESERVED for a host. */
export async function createGroupSet(options: GroupSetOptions): Promise<GroupSet> {
  const { places, log } = options;
  let entries = new Map<string, GroupEntry>();
  const routes = createGroupRoutes(options.routes, (free) =>
    log.info(free, 'reverst host leads to its group now'),
  );

  function doorOf(group: Group): GroupDoor {
    const place = { group: group.name };
    return createGroupDoor(group, {
      openSecret: (path, events) => places.openSecret(path, events),
      changed: () => options.changed(),
      trouble: ({ code, message }) =>
        log.error({ ...place, code, error: message }, 'reverst group lets nobody in by this'),
    });
  }

  /** Throws CONFIG_INVALID, and everything is as it was. */
  function prepare(groups: readonly Group[]): Map<string, GroupEntry> {
    const next = new Map<string, GroupEntry>();
    try {
      for (const group of groups) {
        const before = entries.get(group.name);
        const same = isDeepStrictEqual(before?.group.authentication, group.authentication);
        next.set(group.name, { group, door: same ? before!.door : doorOf(group) });
      }
      return next;
    } catch (thrown) {
      closeOthers(next, entries);
      throw thrown;
    }
  }

  /** Answers the hosts that could not be had. Throws CONFIG_INVALID, and everything is as it was. */
  function take(groups: readonly Group[]): readonly UnroutedHost[] {
    const next = prepare(groups);
    const before = entries;
    entries = next;
    closeOthers(before, next);
    const unrouted = routes.replace(groups);
    options.taken(groups);
    options.changed();
    return unrouted;
  }

  function kept(error: SallyportError): void {
    const { code, message } = error;
    log.error({ code, error: message }, 'reverst groups stay as they were');
  }

  function tell({ group, host, error }: UnroutedHost): void {
    const { code, message } = error;
    log.error({ group, host, code, error: message }, 'reverst host leads nowhere');
  }

  const source = await places.openGroups(options.spec, {
    changed(groups) {
      try {
        take(groups).forEach(tell);
      } catch (thrown) {
        kept(asSallyportError(thrown));
      }
    },
    kept,
  });

  function close(): void {
    source.close();
    routes.close();
    closeOthers(entries, new Map());
    entries = new Map();
  }

  try {
    const unrouted = take(source.groups);
    if (unrouted.length > 0) throw unrouted[0].error;
  } catch (thrown) {
    close();
    throw thrown;
  }

  return {
    has: (name) => entries.has(name),
    get: (name) => entries.get(name),
    close,
  };
}

/** Closes the doors of the first that the second does not have. */
function closeOthers(
  these: ReadonlyMap<string, GroupEntry>,
  those: ReadonlyMap<string, GroupEntry>,
): void {
  for (const [name, { door }] of these) if (those.get(name)?.door !== door) door.close();
}
