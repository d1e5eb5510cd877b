/**
 * The road of reverst: consumer -> server -> client -> origin. Ours, by its command lines, and a peer in
 * Go that does what the originals do, with the libraries they use; and each end of ours with the other
 * one's counterpart.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { accepting, freePort } from '../ports.ts';
import type { RunningProcess } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';
import { HTTP_HOST } from './sallyport.ts';

const repository = join(import.meta.dirname, '..', '..');
const program = join(repository, 'bin', 'sallyport.js');
const peer = join(repository, 'test', 'interop', 'peers', 'reverst');

const GROUP = 'bench';
/** The load asks for the first; whoever looks whether the road is there, for the second. */
const HOSTS = [HTTP_HOST, '127.0.0.1'];
const READY_TIMEOUT_MS = 10_000;
const PROBE_MS = 20;

type Maker = 'ours' | 'peer';

export interface ReverstOptions {
  readonly server: Maker;
  readonly client: Maker;
}

export async function startReverst(stage: Stage, options: ReverstOptions): Promise<Road> {
  const [tunnel, port] = [await freePort(), await freePort()];
  const { certificate, key } = await stage.certificate();
  const origin = `127.0.0.1:${await stage.originPort()}`;
  const both = ['--tunnel-address', `127.0.0.1:${tunnel}`, '--server-name', '127.0.0.1'];
  const serverWords = [
    ...both,
    '--http-address',
    `127.0.0.1:${port}`,
    '--certificate-path',
    certificate,
    '--private-key-path',
    key,
  ];
  const clientWords = [...both, '--cacert-path', certificate];
  const server =
    options.server === 'ours'
      ? ours(stage, ['server', '--log', 'error', ...serverWords, '--tunnel-groups', groups(stage)])
      : await builtPeer(stage, [
          'server',
          ...serverWords,
          '--group',
          `${GROUP} ${HOSTS.join(',')}`,
        ]);
  await accepting(port);
  const client =
    options.client === 'ours'
      ? ours(stage, ['http', '--log', 'error', ...clientWords, '--tunnel-group', GROUP, origin])
      : await builtPeer(stage, [
          'client',
          ...clientWords,
          '--group',
          GROUP,
          '--target',
          `http://${origin}`,
        ]);
  await carrying(port);
  return roadThrough(port, [server, client]);
}

function groups(stage: Stage): string {
  const file = join(stage.directory, 'reverst-groups.yml');
  const group = { hosts: HOSTS, authentication: { type: 'insecure' } };
  writeFileSync(file, stringify({ groups: { [GROUP]: group } }));
  return file;
}

function ours(stage: Stage, args: readonly string[]): RunningProcess {
  return stage.processes.start({
    name: `reverst ${args[0]}`,
    path: process.execPath,
    args: [program, 'reverst', ...args],
  });
}

async function builtPeer(stage: Stage, args: readonly string[]): Promise<RunningProcess> {
  const built = join(stage.directory, 'reverst-peer');
  const words = ['build', '-C', peer, '-mod=readonly', '-buildvcs=false', '-o', built, '.'];
  await stage.processes.run({ name: 'go build', path: stage.tool('go'), args: words });
  return stage.processes.start({ name: `reverst peer, ${args[0]}`, path: built, args });
}

/** Resolves when a request comes through: the client is registered. */
async function carrying(port: number): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const url = `http://127.0.0.1:${port}/small`;
  while ((await fetch(url)).status !== 200) {
    if (Date.now() > deadline) throw new Error(`127.0.0.1:${port} leads nowhere after 10 s`);
    await delay(PROBE_MS);
  }
}
