/** An agent over single requests: what is lost beside the same agent over WebSocket, and what has to be there. */
import type { ContenderName } from '../contenders.ts';
import { measureBulk, measureRate } from '../load.ts';
import {
  cpuFigure,
  cpuFigures,
  type Goal,
  ratioAtMost,
  type Row,
  valueAtLeast,
  valueAtMost,
} from '../row.ts';

const SPEED = 'MB/s';
const CPU = 'CPU s/GB';
const P50 = 'p50 us';
const P99 = 'p99 us';

function bulk(direction: 'down' | 'up'): Row {
  return {
    name: `longpoll-${direction}`,
    what: `one stream towards the ${direction === 'down' ? 'consumer' : 'target'} over single requests`,
    reference: 'sallyport',
    ours: 'sallyport-longpoll',
    figures: [{ name: SPEED, goal: valueAtLeast(100) }, cpuFigure(CPU)],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureBulk(stage, contender, direction, 1, pace);
      return {
        [SPEED]: result.bytes / 1e6 / result.seconds,
        ...cpuFigures(CPU, cpu, result.bytes, 1e9),
      };
    },
  };
}

interface EchoOptions {
  readonly reference: ContenderName;
  readonly ours: ContenderName;
  readonly p50Goal: Goal;
}

function echo(name: string, what: string, { reference, ours, p50Goal }: EchoOptions): Row {
  return {
    name,
    what,
    reference,
    ours,
    figures: [{ name: P50, goal: p50Goal }, { name: P99 }],
    async sample(contender, pace, stage) {
      const { result } = await measureRate(stage, contender, 'echo', 1, pace);
      return { [P50]: result.p50, [P99]: result.p99 };
    },
  };
}

export const longpollRows: readonly Row[] = [
  bulk('down'),
  bulk('up'),
  echo('longpoll-echo', 'round trips of one byte over single requests', {
    reference: 'sallyport',
    ours: 'sallyport-longpoll',
    p50Goal: valueAtMost(5_000),
  }),
  echo('longpoll-echo-50ms', 'the same over a link of 50 ms, against its round trip', {
    reference: 'loopback-50ms',
    ours: 'sallyport-longpoll-50ms',
    p50Goal: ratioAtMost(2.2),
  }),
];
