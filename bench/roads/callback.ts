/**
 * The road of callback: consumer -> server -> reverse -> target. Ours, by its command lines, and a
 * peer in Go that does what the originals do, with the libraries they use. The load knows TCP only: a
 * third program of the peer stands before both servers, and is no hop of theirs.
 */
import { join } from 'node:path';
import { accepting, freePort } from '../ports.ts';
import type { RunningProcess } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';

const repository = join(import.meta.dirname, '..', '..');
const program = join(repository, 'bin', 'sallyport.js');
const peers = join(repository, 'test', 'interop', 'peers');
const ID = 'bench';

export async function startCallback(stage: Stage): Promise<Road> {
  const port = await freePort();
  const run = (...args: string[]): RunningProcess =>
    stage.processes.start({
      name: `callback ${args[0]}`,
      path: process.execPath,
      args: [program, 'callback', ...args, '--log-level=error'],
    });
  const server = run('server', `--listen.addr=tcp://127.0.0.1:${port}`);
  await accepting(port);
  const target = `127.0.0.1:${await stage.targetPort()}`;
  const url = `http://127.0.0.1:${port}`;
  const reverse = run('reverse', `--server=${url}`, `--id=${ID}`, `--connect=${target}`);
  return forwarded(stage, await buildPeer(stage), url, [server, reverse]);
}

export async function startCallbackPeer(stage: Stage): Promise<Road> {
  const built = await buildPeer(stage);
  const server = runPeer(stage, built, 'server', '127.0.0.1:0');
  const url = `http://127.0.0.1:${await server.firstLine}`;
  const target = `127.0.0.1:${await stage.targetPort()}`;
  const reverse = runPeer(stage, built, 'reverse', url, ID, target);
  return forwarded(stage, built, url, [server, reverse]);
}

/** A port that leads to the id. */
async function forwarded(
  stage: Stage,
  built: string,
  url: string,
  hops: readonly RunningProcess[],
): Promise<Road> {
  await registered(url);
  const port = await freePort();
  const forward = runPeer(stage, built, 'forward', `127.0.0.1:${port}`, url, ID);
  await accepting(port);
  const road = roadThrough(port, hops);
  return {
    ...road,
    async stop() {
      await forward.stop();
      await road.stop();
    },
  };
}

const READY_TIMEOUT_MS = 10_000;

/** Resolves when the id is listed. */
async function registered(url: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${url}/api/v1/callback`);
    const { sessions } = (await answer.json()) as { sessions: object };
    if (Object.hasOwn(sessions, ID)) return;
    if (Date.now() > deadline) throw new Error(`${url}: nobody registered in 10 s`);
  }
}

async function buildPeer(stage: Stage): Promise<string> {
  const built = join(stage.directory, 'callback-peer');
  const words = ['build', '-C', peers, '-mod=readonly', '-buildvcs=false', '-o', built];
  const path = stage.tool('go');
  await stage.processes.run({ name: 'go build', path, args: [...words, './callback'] });
  return built;
}

function runPeer(stage: Stage, path: string, ...args: string[]): RunningProcess {
  return stage.processes.start({ name: `callback peer, ${args[0]}`, path, args });
}
