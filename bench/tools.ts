/** The programs of the system that the bench needs, and the load generator, compiled on the spot. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Processes } from './processes.ts';

export type ToolName = 'cc' | 'go' | 'haproxy' | 'ip' | 'nginx' | 'nsenter' | 'wrk';

/** Where Debian has them. */
const packages: Readonly<Record<ToolName, string>> = {
  cc: 'gcc libc6-dev',
  go: 'golang-go',
  haproxy: 'haproxy',
  ip: 'iproute2',
  nginx: 'nginx-light',
  nsenter: 'util-linux',
  wrk: 'wrk',
};

/** A needed program is not on the machine; the message says how to install what is missing. */
export class ToolsMissing extends Error {}

/** The paths of the tools. Throws ToolsMissing naming every one that is not there. */
export function findTools(names: Iterable<ToolName>): Map<ToolName, string> {
  const found = new Map<ToolName, string>();
  const missing: ToolName[] = [];
  for (const name of new Set(names)) {
    const path = findProgram(name);
    if (path === null) missing.push(name);
    else found.set(name, path);
  }
  if (missing.length > 0) {
    const wanted = missing.map((name) => packages[name]).join(' ');
    throw new ToolsMissing(
      `not installed: ${missing.join(', ')}. On Debian: apt-get install ${wanted}`,
    );
  }
  return found;
}

function findProgram(name: string): string | null {
  // The servers stand in sbin, which an ordinary user's PATH leaves out; Go where its makers put it.
  const others = ['/usr/sbin', '/usr/local/sbin', '/usr/local/go/bin'];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...others];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/** Compiles load/*.c into the directory; the path of the program. */
export async function compileLoad(
  compiler: string,
  processes: Processes,
  directory: string,
): Promise<string> {
  const folder = join(import.meta.dirname, 'load');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.c'));
  const program = join(directory, 'load');
  await processes.run({
    name: 'cc',
    path: compiler,
    args: ['-O2', '-Wall', '-Wextra', '-o', program, ...sources.map((name) => join(folder, name))],
  });
  return program;
}
