/** A cluster with a small API server behind it, and what its sources tell. */
import type { TestContext } from 'node:test';
import type { SallyportError } from '../../src/errors.ts';
import type { ClusterPath } from '../../src/compat/reverst/cluster-path.ts';
import type {
  Cluster,
  GroupsSource,
  SecretSource,
} from '../../src/compat/reverst/groups-source.ts';
import type { ClusterAccess } from '../../src/compat/reverst/kubernetes/access.ts';
import { openCluster } from '../../src/compat/reverst/kubernetes/cluster.ts';
import { startKubernetesApi, type KubernetesApi } from './kubernetes-api.ts';
import { openGroup, parseGroups } from './reverst-groups.ts';
import { until } from './wait.ts';

export const groupsPath: ClusterPath = {
  kind: 'configmap',
  namespace: 'tunnels',
  name: 'groups',
  key: 'groups.yml',
};
export const tokenPath: ClusterPath = {
  kind: 'secret',
  namespace: 'tunnels',
  name: 'tokens',
  key: 'one',
};
export const fileOf = (host: string): Record<string, string> => ({
  'groups.yml': `groups:\n${openGroup('g', host)}`,
});

export interface ClusterStage {
  readonly api: KubernetesApi;
  readonly cluster: Cluster;
  /** The hosts of each change, and what was told of the groups. */
  readonly hosts: string[];
  readonly kept: SallyportError[];
  openGroups(watch?: boolean): Promise<GroupsSource>;
  /** How often the secret changed, and what was told of it. */
  readonly secret: { changes: number; readonly troubles: SallyportError[] };
  openSecret(): SecretSource;
}

export async function stageCluster(
  t: TestContext,
  changed: Partial<ClusterAccess> = {},
): Promise<ClusterStage> {
  const api = await startKubernetesApi(t);
  const cluster = openCluster({ ...api.access, ...changed });
  t.after(() => cluster.close());
  const hosts: string[] = [];
  const kept: SallyportError[] = [];
  const secret = { changes: 0, troubles: [] as SallyportError[] };
  return {
    api,
    cluster,
    hosts,
    kept,
    secret,
    openGroups: (watch = true) =>
      cluster.openGroups(groupsPath, parseGroups, watch, {
        changed: ([group]) => hosts.push(...group.hosts),
        kept: (error) => kept.push(error),
      }),
    openSecret: () =>
      cluster.openSecret(tokenPath, {
        changed: () => void secret.changes++,
        trouble: (error) => secret.troubles.push(error),
      }),
  };
}

/** The groups stand, and are watched. */
export async function watchedGroups(
  t: TestContext,
): Promise<ClusterStage & { source: GroupsSource }> {
  const made = await stageCluster(t);
  made.api.put('configmap', 'groups', fileOf('a.test'));
  const source = await made.openGroups();
  await until('they are watched', () => made.api.watches === 1);
  return { ...made, source };
}

export const hears = ({ hosts }: ClusterStage, host: string): Promise<number> =>
  until(`${host} counts`, () => hosts.at(-1) === host);
