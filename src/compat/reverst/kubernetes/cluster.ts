/** Groups and secrets that a Kubernetes cluster holds, read by its API and followed there. */
import { isDeepStrictEqual } from 'node:util';
import { REVERST_GROUPS_FILE_MAX_BYTES, REVERST_SECRET_MAX_BYTES } from '../../../limits.ts';
import { createComplaint } from '../complaint.ts';
import { readGroups, type Group } from '../groups.ts';
import type { Cluster } from '../groups-source.ts';
import type { ClusterAccess } from './access.ts';
import { clusterText, entryOf, type ClusterObject } from './cluster-object.ts';
import { listObject } from './object-watch.ts';
import { createObjectWatches } from './object-watches.ts';

export function openCluster(access: ClusterAccess): Cluster {
  const watches = createObjectWatches(access);
  const closed = new AbortController();
  return {
    async openGroups(path, parse, watch, events) {
      const read = (object: ClusterObject | null): Group[] => {
        const text = entryOf(path, object, REVERST_GROUPS_FILE_MAX_BYTES).toString();
        return readGroups(parse(clusterText(path), text));
      };
      let groups = read((await listObject(access, path, closed.signal)).object);
      const unfit = createComplaint(events.kept);
      const end = !watch
        ? () => {}
        : watches.follow(path, {
            read: (object) =>
              unfit.unless(() => {
                const next = read(object);
                if (isDeepStrictEqual(next, groups)) return;
                groups = next;
                events.changed(groups);
              }),
            trouble: events.kept,
          });
      return {
        get groups() {
          return groups;
        },
        close: end,
      };
    },

    openSecret(path, events) {
      let bytes: Buffer | null = null;
      let open = false;
      const unfit = createComplaint(events.trouble);
      const end = watches.follow(path, {
        read: (object) =>
          unfit.unless(() => {
            const next = entryOf(path, object, REVERST_SECRET_MAX_BYTES);
            if (bytes?.equals(next)) return;
            bytes = next;
            if (open) events.changed();
          }),
        trouble: events.trouble,
      });
      open = true;
      return {
        get bytes() {
          return bytes;
        },
        close: end,
      };
    },

    close() {
      closed.abort();
      watches.close();
    },
  };
}
