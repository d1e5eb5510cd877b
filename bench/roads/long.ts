import { join } from 'node:path';
import type { Stage } from '../stage.ts';
import { type Hop, type Road, roadThrough } from './road.ts';

/** What a long road adds to the round trip. */
export const ROUND_TRIP_MS = 50;

/** Puts the delay in front of a port. */
export async function startLongRoad(stage: Stage, toPort: number): Promise<Hop> {
  const delay = stage.processes.start({
    name: 'delay',
    path: process.execPath,
    args: [
      join(import.meta.dirname, '..', 'load', 'delay.ts'),
      '--target',
      String(toPort),
      '--one-way-ms',
      String(ROUND_TRIP_MS / 2),
    ],
  });
  const { port } = JSON.parse(await delay.firstLine) as { port: number };
  return { port, process: delay };
}

/** The long road straight to the target, which shows its true round trip. */
export async function startLongLoopback(stage: Stage): Promise<Road> {
  const road = await startLongRoad(stage, await stage.targetPort());
  return { ...roadThrough(road.port, []), stop: () => road.process.stop() };
}
