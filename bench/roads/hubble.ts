/**
 * The road of Hubble: consumer -> agent -> proxy -> agent -> target. Ours, by its command lines, and
 * a peer in Go that does what the originals do, with the libraries they use.
 */
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accepting, freePort } from '../ports.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';

const repository = join(import.meta.dirname, '..', '..');
const program = join(repository, 'bin', 'sallyport.js');
const peers = join(repository, 'test', 'interop', 'peers');

const READY_TIMEOUT_MS = 10_000;
/** A connection that is still open after this was not refused. */
const REFUSED_WITHIN_MS = 200;

/** Runs one of the three programs: `proxy` or `agent`, and its flags. */
type Start = (
  role: 'proxy' | 'agent',
  args: readonly string[],
) => ReturnType<Stage['processes']['start']>;

export async function startHubble(stage: Stage): Promise<Road> {
  return startThree(stage, (role, args) => {
    // Others may not see these ports: agents listen everywhere where nothing else is said.
    const bound = role === 'agent' ? ['-bind', '127.0.0.1'] : [];
    const words = [program, 'hubble', role, ...bound, ...args];
    return stage.processes.start({ name: `hubble ${role}`, path: process.execPath, args: words });
  });
}

export async function startHubblePeer(stage: Stage): Promise<Road> {
  const built = join(stage.directory, 'hubble-peer');
  const build = ['build', '-C', peers, '-mod=readonly', '-buildvcs=false', '-o', built, './hubble'];
  await stage.processes.run({ name: 'go build', path: stage.tool('go'), args: build });
  return startThree(stage, (role, args) => {
    // Otherwise it loses what comes too early, and the load waits for it in vain.
    const words = role === 'agent' ? [role, '-ready-first', ...args] : [role, ...args];
    return stage.processes.start({ name: `hubble peer, ${role}`, path: built, args: words });
  });
}

async function startThree(stage: Stage, start: Start): Promise<Road> {
  const proxyPort = await freePort();
  const port = await freePort();
  const proxy = start('proxy', ['-listen', `127.0.0.1:${proxyPort}`]);
  await accepting(proxyPort);
  const url = ['-url', `ws://127.0.0.1:${proxyPort}`];
  const far = start('agent', [...url, '-name', 'far']);
  const rule = `${port}:far:127.0.0.1:${await stage.targetPort()}`;
  const near = start('agent', [...url, '-name', 'near', rule]);
  await carrying(port);
  return roadThrough(port, [near, proxy, far]);
}

/** Resolves when a connection to the port is not broken off: both agents are connected. */
async function carrying(port: number): Promise<void> {
  await accepting(port);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await carries(port)))
    if (Date.now() > deadline) throw new Error(`127.0.0.1:${port} leads nowhere after 10 s`);
}

async function carries(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  const broken = new Promise<boolean>((resolve) => {
    socket.on('error', () => {}).on('close', () => resolve(false));
  });
  const open = await Promise.race([broken, delay(REFUSED_WITHIN_MS, true)]);
  socket.destroy();
  return open;
}
