/**
 * Sallyport over a link that loses packets: the server here, the agent and its target behind the link,
 * in a network of their own. TCP and UDP meet with the same losses, beneath the kernel's TCP.
 */
import { join } from 'node:path';
import { accepting, freePort } from '../ports.ts';
import type { RunningProcess } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';
import { startCommand } from './sallyport.ts';

/** What the link adds to a round trip, half of it each way, and what it loses each way. */
const ROUND_TRIP_MS = 100;
const LOST_PER_THOUSAND = 10;

export interface LossyOptions {
  readonly transport: 'websocket' | 'quic';
  /**
   * What the kernel's TCP makes of losses, on this link alone. What a Linux without other settings
   * takes is `cubic`.
   */
  readonly tcp: 'cubic' | 'bbr';
}

export async function startLossy(stage: Stage, options: LossyOptions): Promise<Road> {
  const link = await startLink(stage, options.tcp);
  const [attachPort, publicPort, targetPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const { certificate, key } = await stage.certificate();
  const server = startCommand(stage, 'server', [
    '--listen',
    `0.0.0.0:${attachPort}`,
    '--quic-listen',
    `0.0.0.0:${attachPort}`,
    '--tls-cert',
    certificate,
    '--tls-key',
    key,
    '--tcp-ports',
    `${publicPort}-${publicPort}`,
  ]);
  await server.firstLine;
  const target = link.start('target', stage.loadProgram, ['target', String(targetPort)]);
  const address = `${link.near}:${attachPort}`;
  const agent = startCommand(
    stage,
    'tcp',
    [
      `127.0.0.1:${targetPort}`,
      '--name',
      'bench',
      '--port',
      String(publicPort),
      '--server',
      `wss://${address}`,
      '--ca',
      certificate,
      '--server-name',
      '127.0.0.1',
      '--transport',
      options.transport,
      ...(options.transport === 'quic' ? ['--quic', address] : []),
    ],
    link.within,
  );
  await agent.firstLine;
  await accepting(publicPort);
  const whole = roadThrough(publicPort, [server, agent]);
  return {
    ...whole,
    async stop() {
      await whole.stop();
      await target.stop();
      await link.process.stop();
    },
  };
}

interface Link {
  readonly process: RunningProcess;
  /** Our address, as those behind the link see it. */
  readonly near: string;
  /** The words before a program's that put it behind the link. */
  readonly within: readonly string[];
  start(name: string, path: string, args: readonly string[]): RunningProcess;
}

let links = 0;

async function startLink(stage: Stage, tcp: LossyOptions['tcp']): Promise<Link> {
  const number = links++;
  const program = join(stage.directory, `link-${number}`);
  const source = join(import.meta.dirname, '..', 'link', 'link.c');
  const words = ['-O2', '-Wall', '-Wextra', '-o', program, source];
  await stage.processes.run({ name: 'cc', path: stage.tool('cc'), args: words });
  const link = stage.processes.start({
    name: 'link',
    path: program,
    args: [number, ROUND_TRIP_MS / 2, LOST_PER_THOUSAND].map(String),
  });
  const { near, far, device } = JSON.parse(await link.firstLine) as Record<string, string>;
  const within = [stage.tool('nsenter'), `--net=/proc/${link.pid}/ns/net`];
  const route = (to: string): string[] => [
    stage.tool('ip'),
    'route',
    'replace',
    `${to}/32`,
    'dev',
    device,
    'congctl',
    tcp,
  ];
  for (const [path, ...args] of [route(far), [...within, ...route(near)]])
    await stage.processes.run({ name: 'ip route', path, args });
  return {
    process: link,
    near,
    within,
    start: (name, path, args) =>
      stage.processes.start({ name, path: within[0], args: [...within.slice(1), path, ...args] }),
  };
}
