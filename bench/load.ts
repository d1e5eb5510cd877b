/** Runs the load generators against a contender and reads the CPU time that this costs its hops. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Contender } from './contenders.ts';
import { cpuSeconds } from './proc.ts';
import { HTTP_HOST } from './roads/sallyport.ts';
import type { Stage } from './stage.ts';

/** How long one sample takes, in milliseconds. */
export interface Pace {
  /** Before anything is counted. */
  readonly warmMs: number;
  readonly measureMs: number;
}

/** What a generator printed, with the CPU seconds of each hop while it counted. */
export interface Measured<T> {
  readonly result: T;
  readonly cpu: readonly number[];
}

export interface BulkResult {
  readonly bytes: number;
  readonly seconds: number;
}

/** Latencies in microseconds. */
export interface RateResult {
  readonly count: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface HttpResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
}

/** Have been through a warm-up with wrk, which cannot leave one out of its figures. */
const warmed = new WeakSet<Contender>();

const QUIET_PROBE_MS = 50;
const QUIET_PROBES_MAX = 60;

export function measureBulk(
  stage: Stage,
  to: Contender,
  direction: 'down' | 'up',
  streams: number,
  pace: Pace,
): Promise<Measured<BulkResult>> {
  return measure(stage, to, [direction, to.port, streams, pace.warmMs, pace.measureMs]);
}

export function measureRate(
  stage: Stage,
  to: Contender,
  kind: 'echo' | 'connect',
  connections: number,
  pace: Pace,
): Promise<Measured<RateResult>> {
  return measure(stage, to, [kind, to.port, connections, pace.warmMs, pace.measureMs]);
}

async function measure<T>(
  stage: Stage,
  to: Contender,
  words: readonly (string | number)[],
): Promise<Measured<T>> {
  await quiet(to);
  let before: number[] = [];
  let after: number[] = [];
  const lines = await stage.processes.run(
    {
      name: `load ${words.join(' ')} (${to.name})`,
      path: stage.loadProgram,
      args: words.map(String),
    },
    (line) => {
      if (line.startsWith('{"counting"')) before = cpuOf(to);
      else after = cpuOf(to);
    },
  );
  return { result: lastJson(lines) as T, cpu: after.map((seconds, hop) => seconds - before[hop]) };
}

/** One wrk thread, for at least one second: it knows only whole ones. */
export async function measureHttp(
  stage: Stage,
  to: Contender,
  path: string,
  pace: Pace,
  connections = 64,
): Promise<Measured<HttpResult>> {
  const url = `http://127.0.0.1:${to.port}${path}`;
  const script = join(import.meta.dirname, 'load', 'wrk-report.lua');
  const wrk = (seconds: number): Promise<string[]> =>
    stage.processes.run({
      name: `wrk ${path} (${to.name})`,
      path: stage.tool('wrk'),
      args: [
        '-t1',
        `-c${connections}`,
        `-d${seconds}s`,
        '-s',
        script,
        '-H',
        `Host: ${HTTP_HOST}`,
        url,
      ],
    });
  await quiet(to);
  if (!warmed.has(to)) await wrk(1);
  warmed.add(to);
  const before = cpuOf(to);
  const lines = await wrk(Math.max(1, Math.round(pace.measureMs / 1000)));
  const cpu = cpuOf(to).map((seconds, hop) => seconds - before[hop]);
  const result = lastJson(lines) as HttpResult;
  if (result.errors > 0) throw new Error(`${to.name}: ${result.errors} requests to ${path} failed`);
  return { result, cpu };
}

/** Waits until the last sample's rest has drained: the hops use no CPU time. */
async function quiet(contender: Contender): Promise<void> {
  let last = NaN;
  for (let probe = 0; probe < QUIET_PROBES_MAX; probe++) {
    const now = cpuOf(contender).reduce((sum, seconds) => sum + seconds, 0);
    if (now === last || contender.hops.length === 0) return;
    last = now;
    await delay(QUIET_PROBE_MS);
  }
}

function cpuOf(contender: Contender): number[] {
  return contender.hops.map((hop) => cpuSeconds(hop.pid));
}

/** What a generator printed last. */
export function lastJson(lines: readonly string[]): unknown {
  return JSON.parse(lines.at(-1) ?? 'null');
}
