/** Requests through a group of reverst: both ends ours beside both in Go, and each of ours with a peer. */
import type { ContenderName } from '../contenders.ts';
import { measureHttp } from '../load.ts';
import { cpuFigure, cpuFigures, ratioAtLeast, type Row } from '../row.ts';

const RATE = 'requests/s';
const P50 = 'p50 us';
const P99 = 'p99 us';
const CPU = 'CPU us/request';

/** Large answers that share a connection end late, and all at once. */
const LARGE_AT_ONCE = 8;
const LARGE_MS = 3_000;

function rate(
  name: string,
  what: string,
  path: '/small' | '/large',
  ours: ContenderName = 'sallyport-reverst',
): Row {
  return {
    name,
    what: `reverst: ${what}`,
    reference: 'reverst-peer',
    ours,
    tools: ['wrk'],
    figures: [{ name: RATE, goal: ratioAtLeast(1) }, { name: P50 }, { name: P99 }, cpuFigure(CPU)],
    async sample(contender, pace, stage) {
      const longer = { ...pace, measureMs: Math.max(pace.measureMs, LARGE_MS) };
      const { result, cpu } =
        path === '/small'
          ? await measureHttp(stage, contender, path, pace)
          : await measureHttp(stage, contender, path, longer, LARGE_AT_ONCE);
      return {
        [RATE]: result.requests / result.seconds,
        [P50]: result.p50,
        [P99]: result.p99,
        ...cpuFigures(CPU, cpu, result.requests, 1e6),
      };
    },
  };
}

export const reverstRows: readonly Row[] = [
  rate('reverst-small', 'a response of 26 bytes, 64 at once', '/small'),
  rate('reverst-large', 'a response of 1 MiB, 8 at once', '/large'),
  rate('reverst-server', 'our server, a client in Go', '/small', 'sallyport-reverst-server'),
  rate('reverst-client', 'a server in Go, our client', '/small', 'sallyport-reverst-client'),
];
