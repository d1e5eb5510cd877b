/**
 * The road of sokken: consumer -> client -> server -> target. Ours, by its command lines, and a peer
 * in Go that does what the original does, with the library it uses.
 */
import { join } from 'node:path';
import { accepting, freePort } from '../ports.ts';
import type { RunningProcess } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';

const repository = join(import.meta.dirname, '..', '..');
const program = join(repository, 'bin', 'sallyport.js');
const peer = join(repository, 'test', 'interop', 'peers', 'sokken');
/** More than any row asks for. */
const LIMIT = ['-max-connections', '100000'];

export async function startSokken(stage: Stage): Promise<Road> {
  const health = `127.0.0.1:${await freePort()}`;
  return startBoth(stage, (role, args) => {
    const own = role === 'client' ? [health] : [];
    const words = [program, 'sokken', role, ...LIMIT, ...own, ...args];
    return stage.processes.start({ name: `sokken ${role}`, path: process.execPath, args: words });
  });
}

export async function startSokkenPeer(stage: Stage): Promise<Road> {
  const built = join(stage.directory, 'sokken-peer');
  const words = ['build', '-C', peer, '-mod=readonly', '-buildvcs=false', '-o', built, '.'];
  await stage.processes.run({ name: 'go build', path: stage.tool('go'), args: words });
  return startBoth(stage, (role, args) => {
    const own = [role, ...LIMIT, ...args];
    return stage.processes.start({ name: `sokken peer, ${role}`, path: built, args: own });
  });
}

async function startBoth(
  stage: Stage,
  start: (role: 'server' | 'client', args: readonly string[]) => RunningProcess,
): Promise<Road> {
  const [serverPort, port] = [await freePort(), await freePort()];
  const target = `127.0.0.1:${await stage.targetPort()}`;
  const server = start('server', [`127.0.0.1:${serverPort}`, target]);
  await accepting(serverPort);
  const url = `ws://127.0.0.1:${serverPort}/tunnel/${target}`;
  const client = start('client', [`127.0.0.1:${port}`, url]);
  await accepting(port);
  return roadThrough(port, [client, server]);
}
