/** What Linux tells of the time that a process had a processor, and of the time it wanted one. */
import { readFileSync } from 'node:fs';

/** Processor time a process has used; the kernel counts it in hundredths of a second. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Milliseconds in which the main thread was ready to run and others had the processors (proc_pid_schedstat(5)). */
export function waitedForProcessor(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}
