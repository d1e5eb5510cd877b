/** Groups files of reverst in tests: parsed as the programs parse them. */
import { parseGroups as parsedByPrograms } from '../../src/cli/reverst-groups.ts';
import type { ParseGroups } from '../../src/compat/reverst/groups-source.ts';

export const parseGroups: ParseGroups = parsedByPrograms;

/** A group that is open to everybody. */
export function openGroup(name: string, ...hosts: string[]): string {
  return `  ${name}:\n    hosts: [${hosts.join(', ')}]\n    authentication: { type: insecure }\n`;
}
