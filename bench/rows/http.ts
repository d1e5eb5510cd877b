/** HTTP requests on 64 kept-alive connections. */
import { measureHttp } from '../load.ts';
import { cpuFigure, cpuFigures, ratioAtLeast, ratioAtMost, type Row } from '../row.ts';

const RATE = 'requests/s';
const P50 = 'p50 us';
const P99 = 'p99 us';
const CPU = 'CPU us/request';

const besideNginx = {
  direct: 'loopback-http',
  reference: 'nginx',
  ours: 'sallyport-http',
} as const;

function httpRow(
  name: string,
  what: string,
  path: string,
  goals: { rate: number; p99?: number },
  contenders: Pick<Row, 'direct' | 'reference' | 'ours'> = besideNginx,
): Row {
  return {
    name,
    what,
    ...contenders,
    tools: ['wrk'],
    figures: [
      { name: RATE, goal: ratioAtLeast(goals.rate) },
      { name: P50 },
      { name: P99, ...(goals.p99 !== undefined && { goal: ratioAtMost(goals.p99) }) },
      cpuFigure(CPU),
    ],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureHttp(stage, contender, path, pace);
      return {
        [RATE]: result.requests / result.seconds,
        [P50]: result.p50,
        [P99]: result.p99,
        ...cpuFigures(CPU, cpu, result.requests, 1e6),
      };
    },
  };
}

export const httpRows: readonly Row[] = [
  httpRow('http-small', 'a response of 26 bytes', '/small', { rate: 1.3, p99: 1.5 }),
  httpRow('http-large', 'a response of 1 MiB', '/large', { rate: 1.0 }),
];

/** What it costs that everything is known: metrics, events, the audit file, and a policy. */
export const observedHttpRow: Row = httpRow(
  'observed-http',
  'small responses, with metrics, events, audit and policy against none',
  '/small',
  { rate: 0.9 },
  { reference: 'sallyport-http-bare', ours: 'sallyport-http-observed' },
);
