/** Groups of reverst: parsed as configuration files are, in files and in the cluster of this pod. */
import { createPlaces, type Places } from '../compat/reverst/groups-places.ts';
import type { ParseGroups } from '../compat/reverst/groups-source.ts';
import { podAccess } from '../compat/reverst/kubernetes/access.ts';
import { openCluster } from '../compat/reverst/kubernetes/cluster.ts';
import { parseConfig } from '../config/document.ts';
import { ConfigError } from '../config/problem.ts';

export const parseGroups: ParseGroups = (file, text) => {
  const { document, problems } = parseConfig(file, text);
  if (problems.length > 0) throw new ConfigError(problems);
  return document;
};

export interface GroupsSurroundings {
  /** Relative paths begin there. */
  readonly directory: string;
  /** Whether groups are followed. */
  readonly watch: boolean;
  readonly env: NodeJS.ProcessEnv;
}

export function placesOfGroups({ env, ...around }: GroupsSurroundings): Places {
  return createPlaces({
    ...around,
    parse: parseGroups,
    cluster: () => openCluster(podAccess(env)),
  });
}
