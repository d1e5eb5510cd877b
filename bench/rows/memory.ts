/** What it costs in resident memory to be idle. */
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import type { Contender } from '../contenders.ts';
import { residentBytes } from '../proc.ts';
import type { RunningProcess } from '../processes.ts';
import { TOKEN } from '../roads/sallyport.ts';
import { type Row, type Sample, valueAtMost } from '../row.ts';
import type { Stage } from '../stage.ts';

const COUNT = 4_000;
/** Enough to have every piece of code loaded and compiled before the first reading. */
const REHEARSAL_COUNT = 200;
const LIMIT_KB = 8;

const PROBE_MS = 250;
const PROBES_MAX = 24;
/** Two readings in a row that differ by less are at rest. */
const REST_FRACTION = 0.002;

const NEAR = 'KB each, near hop';
const FAR = 'KB each, far hop';
const AT_REST = 'near hop MB at rest';

/** Memory of the hops when it has stopped changing, in bytes. */
async function restingBytes(hops: readonly RunningProcess[]): Promise<number[]> {
  let last = hops.map(() => 0);
  for (let probe = 0; probe < PROBES_MAX; probe++) {
    const now = hops.map((hop) => residentBytes(hop.pid));
    if (now.every((bytes, hop) => Math.abs(bytes - last[hop]) < bytes * REST_FRACTION)) return now;
    last = now;
    await delay(PROBE_MS);
  }
  return last;
}

/** Memory per held thing, by hop. `hold` starts what holds so many and prints a line when it does. */
export async function perHeld(
  contender: Contender,
  hold: (count: number) => RunningProcess,
  held = COUNT,
): Promise<{ before: number[]; each: number[] }> {
  const rehearsal = hold(REHEARSAL_COUNT);
  await rehearsal.firstLine;
  await rehearsal.stop();
  const before = await restingBytes(contender.hops);
  const holder = hold(held);
  await holder.firstLine;
  const after = await restingBytes(contender.hops);
  await holder.stop();
  return { before, each: after.map((bytes, hop) => (bytes - before[hop]) / held / 1024) };
}

/** Starts what holds idle streams, for `perHeld`. */
export function idleStreams(contender: Contender, stage: Stage): (count: number) => RunningProcess {
  return (count) =>
    stage.processes.start({
      name: `${count} idle streams through ${contender.name}`,
      path: stage.loadProgram,
      args: ['idle', String(contender.port), String(count)],
    });
}

async function sampleStreams(contender: Contender, stage: Stage): Promise<Sample> {
  const { before, each } = await perHeld(contender, idleStreams(contender, stage));
  return { [NEAR]: each[0], [FAR]: each[1], [AT_REST]: before[0] / 2 ** 20 };
}

async function sampleAgents(contender: Contender, stage: Stage): Promise<Sample> {
  const { before, each } = await perHeld(contender, (count) =>
    stage.processes.start({
      name: `${count} idle agents of ${contender.name}`,
      path: process.execPath,
      args: [
        join(import.meta.dirname, '..', 'load', 'agents.ts'),
        '--port',
        String(contender.port),
        '--count',
        String(count),
      ],
      env: { SALLYPORT_TOKEN: TOKEN },
    }),
  );
  return { [NEAR]: each[0], [AT_REST]: before[0] / 2 ** 20 };
}

export const memoryRows: readonly Row[] = [
  {
    name: 'idle-streams',
    what: `memory for each of ${COUNT} idle streams`,
    reference: 'haproxy',
    ours: 'sallyport',
    fresh: true,
    figures: [
      { name: NEAR, goal: valueAtMost(LIMIT_KB) },
      { name: FAR, goal: valueAtMost(LIMIT_KB) },
      { name: AT_REST },
    ],
    sample: (contender, _pace, stage) => sampleStreams(contender, stage),
  },
  {
    name: 'idle-agents',
    what: `memory of the server for each of ${COUNT} idle agents with one service`,
    ours: 'sallyport-server',
    fresh: true,
    figures: [{ name: NEAR, goal: valueAtMost(LIMIT_KB) }, { name: AT_REST }],
    sample: (contender, _pace, stage) => sampleAgents(contender, stage),
  },
];
