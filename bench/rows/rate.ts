/** Small exchanges: round trips on standing connections, and new connections. */
import { measureRate } from '../load.ts';
import { cpuFigure, cpuFigures, ratioAtLeast, ratioAtMost, type Row } from '../row.ts';

const P50 = 'p50 us';
const P99 = 'p99 us';
const CPU = 'CPU us each';

interface RateOptions {
  readonly kind: 'echo' | 'connect';
  readonly connections: number;
  /** What is counted, in the plural. */
  readonly unit: string;
  readonly rateGoal?: number;
  readonly p50Goal?: number;
}

function rateRow(name: string, what: string, options: RateOptions): Row {
  const { kind, connections, unit, rateGoal, p50Goal } = options;
  const rate = `${unit}/s`;
  return {
    name,
    what,
    direct: 'loopback',
    reference: 'haproxy',
    ours: 'sallyport',
    figures: [
      { name: rate, ...(rateGoal !== undefined && { goal: ratioAtLeast(rateGoal) }) },
      { name: P50, ...(p50Goal !== undefined && { goal: ratioAtMost(p50Goal) }) },
      { name: P99 },
      cpuFigure(CPU),
    ],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureRate(stage, contender, kind, connections, pace);
      return {
        [rate]: result.perSecond,
        [P50]: result.p50,
        [P99]: result.p99,
        ...cpuFigures(CPU, cpu, result.count, 1e6),
      };
    },
  };
}

export const rateRows: readonly Row[] = [
  rateRow('echo-1', 'round trips of one byte on one connection', {
    kind: 'echo',
    connections: 1,
    unit: 'trips',
    p50Goal: 1.3,
  }),
  rateRow('echo-64', 'round trips of one byte on 64 connections', {
    kind: 'echo',
    connections: 64,
    unit: 'trips',
    rateGoal: 1.05,
  }),
  rateRow('connect', 'dial, 100 bytes each way, close; 32 at once', {
    kind: 'connect',
    connections: 32,
    unit: 'conns',
    rateGoal: 0.5,
  }),
];
