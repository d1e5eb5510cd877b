/**
 * Where groups come from, and the secrets that they name by path: files, or objects of a cluster.
 * Both are followed, and what cannot be used changes nothing.
 */
import type { SallyportError } from '../../errors.ts';
import type { ClusterPath } from './cluster-path.ts';
import type { Group } from './groups.ts';
import type { GroupsDocument } from './groups-document.ts';

export interface GroupsEvents {
  /** They are others than they were. Not called before the source is open. */
  changed(groups: readonly Group[]): void;
  /** What is there now cannot be read or used; the groups before it stay. Once for each reason. */
  kept(error: SallyportError): void;
}

export interface GroupsSource {
  /** As they were when they could be used last. */
  readonly groups: readonly Group[];
  close(): void;
}

/**
 * Parses the text of a groups file. `file` is its name in messages. Throws CONFIG_INVALID with line
 * and column for what is no YAML.
 */
export type ParseGroups = (file: string, text: string) => GroupsDocument;

/** A secret that lies somewhere else and is followed there. */
export interface SecretSource {
  /** Its bytes as they are, and as they were last where it cannot be read now; null before there were any. */
  readonly bytes: Buffer | null;
  close(): void;
}

export interface SecretEvents {
  /** It is another than it was, or has come only after the source was opened. */
  changed(): void;
  /** It cannot be read or used now. Once for each reason; the message does not hold what was read. */
  trouble(error: SallyportError): void;
}

/** What a cluster holds. */
export interface Cluster {
  /**
   * Rejects with CONFIG_INVALID where there are no groups that can be used at the start, and with
   * CLUSTER_DENIED or CLUSTER_UNAVAILABLE where the cluster does not show them.
   */
  openGroups(
    path: ClusterPath,
    parse: ParseGroups,
    watch: boolean,
    events: GroupsEvents,
  ): Promise<GroupsSource>;
  /** What is wrong with it is told by `trouble`, also at the start. */
  openSecret(path: ClusterPath, events: SecretEvents): SecretSource;
  /** Behind all sources of it. */
  close(): void;
}
