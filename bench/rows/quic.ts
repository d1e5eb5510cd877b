/** An agent over QUIC beside the same agent over WebSocket, encrypted as QUIC always is. */
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import type { Contender } from '../contenders.ts';
import { lastJson, measureBulk, measureRate } from '../load.ts';
import { residentBytesOfAll } from '../proc.ts';
import { TOKEN } from '../roads/sallyport.ts';
import { cpuFigure, cpuFigures, type Row, type Sample } from '../row.ts';
import type { Stage } from '../stage.ts';

const SPEED = 'MB/s';
const CPU = 'CPU s/GB';
const P50 = 'p50 us';
const P99 = 'p99 us';
const TRIPS = 'trips/s';
const SECONDS = 's to attach';
const KB_EACH = 'KB each, server';

const AGENTS = 1_000;
/** So that all code is loaded and compiled, and memory taken, before the first reading. */
const REHEARSAL_AGENTS = 100;
const REST_MS = 1_000;
/** A thousand handshakes on a machine that is busy otherwise. */
const ATTACH_MS = 120_000;

const besideWebSocket = { reference: 'sallyport-tls', ours: 'sallyport-quic' } as const;

function bulk(direction: 'down' | 'up', streams: number): Row {
  const many = streams === 1 ? 'one stream' : `${streams} streams`;
  return {
    name: `quic-${direction}-${streams}`,
    what: `${many} towards the ${direction === 'down' ? 'consumer' : 'target'} over QUIC, beside wss`,
    ...besideWebSocket,
    figures: [{ name: SPEED }, cpuFigure(CPU)],
    async sample(contender, pace, stage) {
      const { result, cpu } = await measureBulk(stage, contender, direction, streams, pace);
      return {
        [SPEED]: result.bytes / 1e6 / result.seconds,
        ...cpuFigures(CPU, cpu, result.bytes, 1e9),
      };
    },
  };
}

function echo(connections: number): Row {
  return {
    name: `quic-echo-${connections}`,
    what: `round trips of one byte on ${connections} at once over QUIC, beside wss`,
    ...besideWebSocket,
    figures: [{ name: P50 }, { name: P99 }, { name: TRIPS }],
    async sample(contender, pace, stage) {
      const { result } = await measureRate(stage, contender, 'echo', connections, pace);
      return { [P50]: result.p50, [P99]: result.p99, [TRIPS]: result.perSecond };
    },
  };
}

/** Attaches so many agents; resolves when all are, and they stay until `leave`. */
async function attach(contender: Contender, stage: Stage, count: number) {
  const { certificate } = await stage.certificate();
  const transport = contender.name === 'sallyport-server-quic' ? 'quic' : 'websocket';
  const agents = stage.processes.start({
    name: `${count} agents by ${transport}`,
    path: process.execPath,
    args: [
      join(import.meta.dirname, '..', 'load', 'tls-agents.ts'),
      '--port',
      String(contender.port),
      '--count',
      String(count),
      '--ca',
      certificate,
      '--transport',
      transport,
    ],
    env: { SALLYPORT_TOKEN: TOKEN },
    firstLineMs: ATTACH_MS,
  });
  const { seconds } = lastJson([await agents.firstLine]) as { seconds: number };
  return { seconds, leave: () => agents.stop() };
}

async function sampleAgents(contender: Contender, stage: Stage): Promise<Sample> {
  const [server] = contender.hops;
  await (await attach(contender, stage, REHEARSAL_AGENTS)).leave();
  await delay(REST_MS);
  const before = residentBytesOfAll(server.pid);
  const { seconds, leave } = await attach(contender, stage, AGENTS);
  await delay(REST_MS);
  const held = residentBytesOfAll(server.pid) - before;
  await leave();
  return { [SECONDS]: seconds, [KB_EACH]: held / AGENTS / 1024 };
}

export const quicRows: readonly Row[] = [
  bulk('down', 1),
  bulk('down', 16),
  bulk('up', 1),
  bulk('up', 16),
  echo(1),
  echo(64),
  {
    name: 'quic-agents',
    what: `${AGENTS} agents attach and rest: over QUIC, beside wss`,
    reference: 'sallyport-server-tls',
    ours: 'sallyport-server-quic',
    fresh: true,
    figures: [{ name: SECONDS }, { name: KB_EACH }],
    sample: (contender, _pace, stage) => sampleAgents(contender, stage),
  },
];
