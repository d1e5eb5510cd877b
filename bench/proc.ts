/** What Linux tells of a running process. */
import { readFileSync } from 'node:fs';

/** Of the times in /proc/PID/stat; Linux reports them in this unit on every machine (proc(5)). */
const TICKS_PER_SECOND = 100;

/** CPU seconds, user and system, that a process and its living children have used so far. */
export function cpuSeconds(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), ownCpuSeconds(pid));
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return children.filter((child) => child.trim() !== '').map(Number);
}

function ownCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in parentheses and may hold spaces: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line === null) throw new Error(`process ${pid} has no resident memory: it is ending`);
  return Number(line[1]) * 1024;
}

/** That of a process and its living children. */
export function residentBytesOfAll(pid: number): number {
  return childrenOf(pid).reduce(
    (sum, child) => sum + residentBytesOfAll(child),
    residentBytes(pid),
  );
}

/** The load average of the last minute. */
export function machineLoad(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}
