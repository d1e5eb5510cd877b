/** Callback's road, ours beside that of a peer in Go. */
import type { ContenderName } from '../contenders.ts';
import { measureBulk, measureRate } from '../load.ts';
import { cpuFigure, cpuFigures, ratioAtLeast, ratioAtMost, type Row } from '../row.ts';
import { idleStreams, perHeld } from './memory.ts';

const reference = 'callback-peer';
const ours = 'sallyport-callback';
const tools = ['go'] as const;
const pair = { reference, ours, tools } as const;
const SPEED = 'MB/s';
const CPU_GB = 'CPU s/GB';
const CPU_EACH = 'CPU us each';
const KB_EACH = 'KB each, both hops';
const SESSIONS = 1_000;

function bulk(direction: 'down' | 'up'): Row {
  return {
    ...pair,
    name: `callback-${direction}`,
    what: `one callback connection towards the ${direction === 'down' ? 'consumer' : 'target'}`,
    figures: [{ name: SPEED, goal: ratioAtLeast(1) }, cpuFigure(CPU_GB)],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureBulk(stage, contender, direction, 1, pace);
      return {
        [SPEED]: result.bytes / 1e6 / result.seconds,
        ...cpuFigures(CPU_GB, cpu, result.bytes, 1e9),
      };
    },
  };
}

function rate(
  kind: 'echo' | 'connect',
  connections: number,
  unit: string,
  what: string,
  beside: { reference?: ContenderName } = { reference },
): Row {
  return {
    ours,
    tools,
    ...beside,
    name: `callback-${kind}`,
    what,
    figures: [
      { name: `${unit}/s`, goal: ratioAtLeast(1) },
      { name: 'p50 us' },
      cpuFigure(CPU_EACH),
    ],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureRate(stage, contender, kind, connections, pace);
      return {
        [`${unit}/s`]: result.perSecond,
        'p50 us': result.p50,
        ...cpuFigures(CPU_EACH, cpu, result.count, 1e6),
      };
    },
  };
}

export const callbackRows: readonly Row[] = [
  bulk('down'),
  bulk('up'),
  rate('echo', 64, 'trips', 'round trips of one byte on 64 callback connections'),
  // The peer, as the original, does not tell the consumer that its target has ended, and the load would
  // wait for that for ever.
  rate('connect', 32, 'conns', 'callback: dial, 100 bytes each way, close; 32 at once', {}),
  {
    ...pair,
    name: 'callback-idle',
    what: `memory of both hops for each of ${SESSIONS} idle callback connections`,
    fresh: true,
    figures: [{ name: KB_EACH, goal: ratioAtMost(1) }],
    async sample(contender, _pace, stage) {
      const { each } = await perHeld(contender, idleStreams(contender, stage), SESSIONS);
      return { [KB_EACH]: each.reduce((sum, one) => sum + one, 0) };
    },
  },
];
