/** How many bytes go through, and at what cost of CPU time. */
import type { ContenderName } from '../contenders.ts';
import { measureBulk } from '../load.ts';
import { cpuFigure, cpuFigures, type Goal, ratioAtLeast, ratioAtMost, type Row } from '../row.ts';

const SPEED = 'MB/s';
const CPU = 'CPU s/GB';

interface BulkOptions {
  readonly direction: 'down' | 'up';
  readonly streams: number;
  readonly direct?: ContenderName;
  readonly reference: ContenderName;
  readonly ours: ContenderName;
  readonly speedGoal?: Goal;
  readonly cpuGoal?: Goal;
}

function bulkRow(name: string, what: string, options: BulkOptions): Row {
  const { direction, streams, direct, reference, ours, speedGoal, cpuGoal } = options;
  return {
    name,
    what,
    ...(direct !== undefined && { direct }),
    reference,
    ours,
    figures: [
      { name: SPEED, ...(speedGoal !== undefined && { goal: speedGoal }) },
      cpuFigure(CPU, cpuGoal),
    ],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureBulk(stage, contender, direction, streams, pace);
      return {
        [SPEED]: result.bytes / 1e6 / result.seconds,
        ...cpuFigures(CPU, cpu, result.bytes, 1e9),
      };
    },
  };
}

const plain = {
  direct: 'loopback',
  reference: 'haproxy',
  ours: 'sallyport',
  speedGoal: ratioAtLeast(0.9),
  cpuGoal: ratioAtMost(1.15),
} as const;
const tls = {
  reference: 'haproxy-tls',
  ours: 'sallyport-tls',
  speedGoal: ratioAtLeast(0.8),
} as const;
const masked = { reference: 'sallyport', ours: 'sallyport-masked' } as const;

/** What it costs that everything is known: metrics, events, the audit file, and a policy. */
export const observedBulkRow: Row = bulkRow(
  'observed-bulk',
  'one stream down, with metrics, events, audit and policy against none',
  {
    direction: 'down',
    streams: 1,
    reference: 'sallyport-bare',
    ours: 'sallyport-observed',
    speedGoal: ratioAtLeast(0.97),
  },
);

export const bulkRows: readonly Row[] = [
  bulkRow('bulk-down-1', 'one stream towards the consumer', {
    ...plain,
    direction: 'down',
    streams: 1,
  }),
  bulkRow('bulk-down-16', '16 streams towards the consumer', {
    ...plain,
    direction: 'down',
    streams: 16,
  }),
  bulkRow('bulk-up-1', 'one stream towards the target', { ...plain, direction: 'up', streams: 1 }),
  bulkRow('bulk-up-16', '16 streams towards the target', {
    ...plain,
    direction: 'up',
    streams: 16,
  }),
];

export const tlsRows: readonly Row[] = [
  bulkRow('tls-down', 'one stream down, TLS between the hops', {
    ...tls,
    direction: 'down',
    streams: 1,
  }),
  bulkRow('tls-up', 'one stream up, TLS between the hops', { ...tls, direction: 'up', streams: 1 }),
];

/** Only what the agent sends is masked (RFC 6455, section 5.3): the way down. */
export const maskRow: Row = bulkRow('mask-down', 'random WebSocket masks against key 0', {
  ...masked,
  direction: 'down',
  streams: 1,
});
