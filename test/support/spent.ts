/** What a computation costs, whatever else the machine does meanwhile. */

/** Milliseconds of processor time that the call takes: waits for a processor do not count. */
export function spentMs(run: () => void): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
