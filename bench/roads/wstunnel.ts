/**
 * The road of WStunnel: consumer -> server -> client -> origin. Ours, by its command lines, and a peer
 * in Go that does what the originals do, with the libraries they use.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accepting, freePort } from '../ports.ts';
import type { RunningProcess } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';

const repository = join(import.meta.dirname, '..', '..');
const program = join(repository, 'bin', 'sallyport.js');
const peer = join(repository, 'test', 'interop', 'peers', 'wstunnel');

const RENDEZVOUS_TOKEN = 'rendez-vous-of-the-bench';
/** Stands before the path of every request. */
export const TOKEN_PATH = `/_token/${RENDEZVOUS_TOKEN}`;
const READY_TIMEOUT_MS = 10_000;
const PROBE_MS = 20;

type Start = (role: 'srv' | 'cli', args: readonly string[]) => RunningProcess;

export async function startWstunnel(stage: Stage): Promise<Road> {
  const port = await freePort();
  const srv = ['-host', '127.0.0.1', '-port', String(port), '-logfile', '/dev/null'];
  return startBoth(stage, port, srv, ours(stage));
}

export async function startWstunnelPeer(stage: Stage): Promise<Road> {
  const port = await freePort();
  return startBoth(stage, port, ['-listen', `127.0.0.1:${port}`], await builtPeer(stage));
}

/** The server alone, for idle agents. */
export async function startWstunnelServer(stage: Stage): Promise<Road> {
  const port = await freePort();
  const words = ['-host', '127.0.0.1', '-port', String(port), '-logfile', '/dev/null'];
  return serverAlone(port, ours(stage)('srv', words));
}

export async function startWstunnelPeerServer(stage: Stage): Promise<Road> {
  const port = await freePort();
  const start = await builtPeer(stage);
  return serverAlone(port, start('srv', ['-listen', `127.0.0.1:${port}`]));
}

async function serverAlone(port: number, server: RunningProcess): Promise<Road> {
  await accepting(port);
  return roadThrough(port, [server]);
}

function ours(stage: Stage): Start {
  return (role, args) =>
    stage.processes.start({
      name: `wstunnel ${role}`,
      path: process.execPath,
      args: [program, 'wstunnel', role, ...args],
    });
}

async function builtPeer(stage: Stage): Promise<Start> {
  const built = join(stage.directory, 'wstunnel-peer');
  const words = ['build', '-C', peer, '-mod=readonly', '-buildvcs=false', '-o', built, '.'];
  await stage.processes.run({ name: 'go build', path: stage.tool('go'), args: words });
  return (role, args) =>
    stage.processes.start({
      name: `wstunnel peer, ${role}`,
      path: built,
      args: [role, ...args],
    });
}

async function startBoth(
  stage: Stage,
  port: number,
  srv: readonly string[],
  start: Start,
): Promise<Road> {
  const server = start('srv', srv);
  await accepting(port);
  const origin = `http://127.0.0.1:${await stage.originPort()}`;
  const tunnel = ['-tunnel', `ws://127.0.0.1:${port}`, '-token', RENDEZVOUS_TOKEN];
  const client = start('cli', [...tunnel, '-server', origin]);
  await carrying(port);
  return roadThrough(port, [server, client]);
}

/** Resolves when a request comes through: the client is connected. */
async function carrying(port: number): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const url = `http://127.0.0.1:${port}${TOKEN_PATH}/small`;
  while ((await fetch(url)).status !== 200) {
    if (Date.now() > deadline) throw new Error(`127.0.0.1:${port} leads nowhere after 10 s`);
    await delay(PROBE_MS);
  }
}
