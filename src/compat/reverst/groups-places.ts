/** What groups and tokens are named by in options and files: `groups.yml`, `file://PATH`, `k8s://…`. */
import path from 'node:path';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';
import { isClusterPath, parseClusterPath } from './cluster-path.ts';
import { openGroupsFile, openSecretFile } from './groups-file.ts';
import type {
  Cluster,
  GroupsEvents,
  GroupsSource,
  ParseGroups,
  SecretEvents,
  SecretSource,
} from './groups-source.ts';

export interface PlacesOptions {
  /** Relative paths begin there. */
  readonly directory: string;
  readonly parse: ParseGroups;
  /** Whether groups are followed. Secrets always are. */
  readonly watch: boolean;
  /** Asked for when the first path names it. Throws CONFIG_INVALID where there is none. */
  cluster(): Cluster;
}

export interface Places {
  /** Rejects with CONFIG_INVALID where there are no groups that can be used at the start. */
  openGroups(spec: string, events: GroupsEvents): Promise<GroupsSource>;
  /** Throws CONFIG_INVALID for a path that is none; the rest is told by `trouble`. */
  openSecret(place: string, events: SecretEvents): SecretSource;
  /** Behind all sources. */
  close(): void;
}

export function createPlaces({ directory, parse, watch, ...options }: PlacesOptions): Places {
  let cluster: Cluster | null = null;
  const inCluster = (): Cluster => (cluster ??= options.cluster());
  return {
    async openGroups(spec, events) {
      if (isClusterPath(spec)) {
        const place = parseClusterPath(spec, 'configmap', 'tunnel groups');
        return inCluster().openGroups(place, parse, watch, events);
      }
      const file = path.resolve(directory, fileOf(spec, 'tunnel groups'));
      return openGroupsFile(file, parse, watch, events);
    },

    openSecret(place, events) {
      if (isClusterPath(place))
        return inCluster().openSecret(parseClusterPath(place, 'secret', 'token path'), events);
      return openSecretFile(path.resolve(directory, fileOf(place, 'token path')), events);
    },

    close: () => cluster?.close(),
  };
}

/** Of `file://PATH` the path as it is written, also a relative one. Throws CONFIG_INVALID for another scheme. */
function fileOf(spec: string, what: string): string {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(spec) ?? [];
  if (scheme === undefined) return spec;
  if (scheme === 'file' && rest !== '') return rest;
  throw new SallyportError(
    'CONFIG_INVALID',
    `${what} ${quoted(spec)}: write a path, file://PATH or k8s://…`,
  );
}
