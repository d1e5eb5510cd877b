/** WStunnel's road, ours beside that of a peer in Go. */
import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measureHttp } from '../load.ts';
import { residentBytes } from '../proc.ts';
import { TOKEN_PATH } from '../roads/wstunnel.ts';
import { ratioAtLeast, ratioAtMost, type Row } from '../row.ts';
import type { Stage } from '../stage.ts';
import { perHeld } from './memory.ts';

const pair = { reference: 'wstunnel-peer', ours: 'sallyport-wstunnel' } as const;
/** The queue of the originals' server takes 20 requests; more at once are refused. */
const CONNECTIONS = 16;
const RATE = 'requests/s';
const P50 = 'p50 us';
const P99 = 'p99 us';
const SPEED = 'MB/s';
const GROWN = 'MB grown, both hops';
const KB_EACH = 'KB each, server';
const HUGE_BODY_BYTES = 100_000_000;
const AGENTS = 1_000;

function rate(name: string, what: string, path: string): Row {
  return {
    ...pair,
    name,
    what,
    tools: ['wrk', 'nginx', 'go'],
    figures: [
      { name: RATE, goal: ratioAtLeast(1) },
      { name: P50 },
      { name: P99, goal: ratioAtMost(1) },
    ],
    async sample(contender, pace, stage) {
      const { result } = await measureHttp(
        stage,
        contender,
        `${TOKEN_PATH}${path}`,
        pace,
        CONNECTIONS,
      );
      return {
        [RATE]: result.requests / result.seconds,
        [P50]: result.p50,
        [P99]: result.p99,
      };
    },
  };
}

/** A file of the origin's that holds zeros. */
function hugeBody(stage: Stage): string {
  const file = join(stage.directory, 'bodies', 'huge');
  if (!existsSync(file)) {
    writeFileSync(file, '');
    truncateSync(file, HUGE_BODY_BYTES);
  }
  return '/huge';
}

export const wstunnelRows: readonly Row[] = [
  rate('wstunnel-small', 'WStunnel: a response of 26 bytes, 16 at once', '/small'),
  rate('wstunnel-large', 'WStunnel: a response of 1 MiB, 16 at once', '/large'),
  {
    ...pair,
    name: 'wstunnel-huge',
    what: 'WStunnel: one response of 100 MB, and what it leaves in memory',
    tools: ['nginx', 'go'],
    fresh: true,
    figures: [
      { name: SPEED, goal: ratioAtLeast(1) },
      { name: GROWN, goal: ratioAtMost(1) },
    ],
    async sample(contender, _pace, stage) {
      const memory = (): number =>
        contender.hops.reduce((sum, hop) => sum + residentBytes(hop.pid), 0);
      const before = memory();
      const began = performance.now();
      const url = `http://127.0.0.1:${contender.port}${TOKEN_PATH}${hugeBody(stage)}`;
      const response = await fetch(url);
      let bytes = 0;
      for await (const piece of response.body!) bytes += piece.length;
      const seconds = (performance.now() - began) / 1_000;
      if (bytes !== HUGE_BODY_BYTES) throw new Error(`${contender.name}: ${bytes} bytes came`);
      return { [SPEED]: bytes / 1e6 / seconds, [GROWN]: (memory() - before) / 2 ** 20 };
    },
  },
  {
    reference: 'wstunnel-peer-server',
    ours: 'sallyport-wstunnel-server',
    name: 'wstunnel-idle',
    what: `WStunnel: memory of the server for each of ${AGENTS} idle agents`,
    tools: ['go'],
    fresh: true,
    figures: [{ name: KB_EACH, goal: ratioAtMost(1) }],
    async sample(contender, _pace, stage) {
      const hold = (count: number) =>
        stage.processes.start({
          name: `${count} idle agents of ${contender.name}`,
          path: process.execPath,
          args: [
            join(import.meta.dirname, '..', 'load', 'wstunnel-agents.ts'),
            '--port',
            String(contender.port),
            '--count',
            String(count),
          ],
        });
      const { each } = await perHeld(contender, hold, AGENTS);
      return { [KB_EACH]: each[0] };
    },
  },
];
