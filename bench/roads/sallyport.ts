/** Sallyport as its users run it: the command line, a server process and an agent process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepting, freePort } from '../ports.ts';
import type { RunningProcess } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { startLongRoad } from './long.ts';
import { type Road, roadThrough } from './road.ts';

/** The host that HTTP rows ask for. */
export const HTTP_HOST = 'bench.test';
/** Both ends of a run share it; it guards nothing but loopback ports for a few minutes. */
export const TOKEN = 'sp_bench-on-loopback-only-0123456789abcdef';

const program = join(import.meta.dirname, '..', '..', 'bin', 'sallyport.js');

export interface SallyportOptions {
  readonly service: 'tcp' | 'http';
  /** The agent dials wss instead of ws. */
  readonly tls?: boolean;
  /** A random key for every WebSocket frame, where the agent would take key 0. */
  readonly randomMasks?: boolean;
  /** Default: `auto`, which is WebSocket here. */
  readonly transport?: 'longpoll' | 'quic';
  /** The agent dials through a road of ROUND_TRIP_MS. */
  readonly longRoad?: boolean;
  /** How much is known of what happens. Default: what a server without options keeps. */
  readonly observed?: 'nothing' | 'everything';
}

/** Consumer -> server -> agent -> the target or, for http, the origin. */
export async function startSallyport(stage: Stage, options: SallyportOptions): Promise<Road> {
  const attachPort = await freePort();
  const publicPort = await freePort();
  const quic = options.transport === 'quic';
  const tls = options.tls || quic ? await stage.certificate() : null;
  const server = startCommand(stage, 'server', [
    '--listen',
    `127.0.0.1:${attachPort}`,
    ...(quic ? ['--quic-listen', `127.0.0.1:${attachPort}`] : []),
    '--tcp-ports',
    `${publicPort}-${publicPort}`,
    ...(tls === null ? [] : ['--tls-cert', tls.certificate, '--tls-key', tls.key]),
    ...(options.observed === 'nothing' ? ['--no-metrics'] : []),
    ...(options.observed === 'everything' ? observing(stage, publicPort) : []),
  ]);
  await server.firstLine;

  const road = options.longRoad ? await startLongRoad(stage, attachPort) : null;
  const scheme = tls === null ? 'ws' : 'wss';
  const dial = [
    '--server',
    `${scheme}://127.0.0.1:${road?.port ?? attachPort}`,
    '--mask',
    options.randomMasks ? 'random' : 'auto',
    ...(tls === null ? [] : ['--ca', tls.certificate]),
    ...(options.transport === undefined ? [] : ['--transport', options.transport]),
  ];
  const service =
    options.service === 'tcp'
      ? ['tcp', `127.0.0.1:${await stage.targetPort()}`, '--port', String(publicPort)]
      : ['http', `127.0.0.1:${await stage.originPort()}`, '--host', HTTP_HOST];
  const [command, ...rest] = [...service, '--name', 'bench', ...dial];
  const agent = startCommand(stage, command, rest);
  await agent.firstLine;

  const port = options.service === 'tcp' ? publicPort : attachPort;
  await accepting(port);
  const whole = roadThrough(port, [server, agent]);
  return {
    ...whole,
    async stop() {
      await whole.stop();
      await road?.process.stop();
    },
  };
}

/**
 * Metrics, every request an event, everything else in the audit file too, and a policy that is asked
 * about each stream. `port` keeps the files of two servers apart.
 */
function observing(stage: Stage, port: number): string[] {
  const config = join(stage.directory, `observing-${port}.yaml`);
  writeFileSync(
    config,
    `request_events: all
audit_file: audit-${port}.ndjson
audit_types: [client.*, service.*, stream.*, auth.*]
metrics_listen: 127.0.0.1:0
policy:
  - rules:
      - { effect: deny, services: ["other-*"] }
      - { effect: allow, actions: [register], who: ["*"] }
      - { effect: allow, actions: [http, connect], services: [bench], consumers: [127.0.0.0/8] }
`,
  );
  return ['--config', config];
}

/** A server alone, for agents to attach to. */
export async function startSallyportServer(stage: Stage): Promise<Road> {
  const port = await freePort();
  const server = startCommand(stage, 'server', ['--listen', `127.0.0.1:${port}`]);
  await server.firstLine;
  return roadThrough(port, [server]);
}

/** The same with TLS, and with QUIC on the UDP port of the same number. */
export async function startSallyportTlsServer(stage: Stage): Promise<Road> {
  const port = await freePort();
  const { certificate, key } = await stage.certificate();
  const listen = `127.0.0.1:${port}`;
  const server = startCommand(stage, 'server', [
    '--listen',
    listen,
    '--quic-listen',
    listen,
    '--tls-cert',
    certificate,
    '--tls-key',
    key,
  ]);
  await server.firstLine;
  return roadThrough(port, [server]);
}

/**
 * The command has done its part of the start when it prints its first line. `under`: words before its
 * own, of a program that starts it.
 */
export function startCommand(
  stage: Stage,
  command: string,
  args: readonly string[],
  under: readonly string[] = [],
): RunningProcess {
  const [path, ...before] = [...under, process.execPath];
  return stage.processes.start({
    name: `sallyport ${command}`,
    path,
    args: [...before, program, command, ...args, '--log-level', 'warn', '--json'],
    env: { SALLYPORT_TOKEN: TOKEN },
  });
}
