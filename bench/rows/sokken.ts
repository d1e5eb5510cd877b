/** Sokken's road, ours beside that of a peer in Go. */
import { measureBulk, measureRate } from '../load.ts';
import { cpuFigure, cpuFigures, ratioAtLeast, ratioAtMost, type Row } from '../row.ts';
import { idleStreams, perHeld } from './memory.ts';

const pair = { reference: 'sokken-peer', ours: 'sallyport-sokken', tools: ['go'] } as const;
const SPEED = 'MB/s';
const CPU_GB = 'CPU s/GB';
const CPU_EACH = 'CPU us each';
const KB_EACH = 'KB each, both hops';
const SESSIONS = 1_000;

function bulk(direction: 'down' | 'up'): Row {
  return {
    ...pair,
    name: `sokken-${direction}`,
    what: `one sokken tunnel towards the ${direction === 'down' ? 'consumer' : 'target'}`,
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

function rate(kind: 'echo' | 'connect', connections: number, unit: string, what: string): Row {
  return {
    ...pair,
    name: `sokken-${kind}`,
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

export const sokkenRows: readonly Row[] = [
  bulk('down'),
  bulk('up'),
  rate('echo', 64, 'trips', 'round trips of one byte on 64 sokken tunnels'),
  rate('connect', 32, 'conns', 'sokken: dial, 100 bytes each way, close; 32 at once'),
  {
    ...pair,
    name: 'sokken-idle',
    what: `memory of both hops for each of ${SESSIONS} idle sokken tunnels`,
    fresh: true,
    figures: [{ name: KB_EACH, goal: ratioAtMost(1) }],
    async sample(contender, _pace, stage) {
      const { each } = await perHeld(contender, idleStreams(contender, stage), SESSIONS);
      return { [KB_EACH]: each.reduce((sum, one) => sum + one, 0) };
    },
  },
];
