/**
 * The groups file of reverst, in both of its shapes: `type:` with keys beside it, and the later one
 * with a map for each way to authenticate. It is read strictly. The originals skip keys that they do
 * not know, so that a file of the first shape leaves every group open under their later versions;
 * here an open group has to be asked for, by `type: insecure`.
 */
import { isServiceName } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import { REVERST_GROUP_HOSTS_MAX, REVERST_GROUPS_MAX } from '../../limits.ts';
import { canonicalHost } from '../../net/host.ts';
import { quoted } from '../../net/printable.ts';
import { readAuthentication, type GroupAuthentication } from './group-authentication.ts';
import type { GroupsDocument, Path, Report } from './groups-document.ts';
import { isMapping, unknownKeys } from './groups-document.ts';

export interface Group {
  readonly name: string;
  /** Canonical, without ports. */
  readonly hosts: readonly string[];
  /** Any of these will do. Empty: the file says that the group is open. */
  readonly authentication: readonly GroupAuthentication[];
}

/**
 * Reads a file. Throws CONFIG_INVALID with every problem, each with its line and column, and nothing of
 * the file is good then.
 */
export function readGroups(document: GroupsDocument): Group[] {
  const problems: { line: number; column: number; text: string }[] = [];
  const report: Report = (path, why, part) => {
    const { line, column } = document.position(path, part);
    const place = path.length === 0 ? '' : `${path.join('.')}: `;
    problems.push({ line, column, text: `${document.file}:${line}:${column}: ${place}${why}` });
  };
  const groups = readFile(document.values, report);
  if (problems.length === 0) return groups;
  const lines = problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ text }) => text);
  const [first, ...others] = lines;
  const text = `${lines.length} problems${lines.map((line) => `\n  ${line}`).join('')}`;
  throw new SallyportError('CONFIG_INVALID', others.length === 0 ? first : text);
}

function readFile(values: unknown, report: Report): Group[] {
  if (!isMapping(values)) {
    report([], 'is not a map; write `groups:` and the groups below it');
    return [];
  }
  unknownKeys(values, ['groups'], [], report);
  const named = values['groups'];
  if (!isMapping(named)) {
    report(['groups'], 'is missing, or not a map; name each group and indent what it has', 'key');
    return [];
  }
  const names = Object.keys(named);
  if (names.length > REVERST_GROUPS_MAX)
    report(['groups'], `has more than ${REVERST_GROUPS_MAX} groups`, 'key');
  const groups = names.slice(0, REVERST_GROUPS_MAX).flatMap((name) => {
    const group = readGroup(name, named[name], report);
    return group === null ? [] : [group];
  });
  checkOwners(groups, report);
  return groups;
}

function readGroup(name: string, value: unknown, report: Report): Group | null {
  const path: Path = ['groups', name];
  if (!isServiceName(name))
    report(path, 'names take letters, digits, dot, underscore and hyphen, 1 to 128 of them', 'key');
  if (!isMapping(value)) {
    report(path, 'is not a map; give it `hosts` and `authentication`', 'key');
    return null;
  }
  unknownKeys(value, ['hosts', 'authentication'], path, report);
  return {
    name,
    hosts: readHosts(value['hosts'], [...path, 'hosts'], report),
    authentication: readAuthentication(
      value['authentication'],
      [...path, 'authentication'],
      report,
    ),
  };
}

function readHosts(value: unknown, path: Path, report: Report): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > REVERST_GROUP_HOSTS_MAX) {
    report(path, `is not a list of 1 to ${REVERST_GROUP_HOSTS_MAX} hosts`, 'key');
    return [];
  }
  return value.map((written: unknown, index) => {
    const host = typeof written === 'string' ? canonicalHost(written) : null;
    if (host === null)
      report([...path, index], 'is not a host; write a name or an address, without a port');
    return host ?? '';
  });
}

/** A host leads to one group; the originals take whichever they load last. */
function checkOwners(groups: readonly Group[], report: Report): void {
  const owners = new Map<string, string>();
  for (const { name, hosts } of groups)
    for (const [index, host] of hosts.entries()) {
      const owner = owners.get(host);
      if (host !== '' && owner !== undefined)
        report(
          ['groups', name, 'hosts', index],
          `host ${quoted(host)} stands in group ${quoted(owner)} already; leave it in one place`,
        );
      else owners.set(host, name);
    }
}
