/** Servers and clients of reverst's protocol: those in Go, and ours by their command lines. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { makeCertificate, temporaryFile } from '../support/files.ts';
import { startProgram, type Program } from '../support/program.ts';
import { tokenInEnvironment } from '../support/tunnel.ts';
import { within } from '../support/wait.ts';

/** The name that clients ask for in TLS, and a certificate has. */
export const serverName = 'flipt.dev.local';

export interface Group {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Nothing of both: everybody may join. */
  readonly basic?: readonly [username: string, password: string];
  readonly bearer?: string;
}

export interface Gate {
  /** UDP, where clients register. */
  readonly tunnel: number;
  /** TCP, where consumers ask. */
  readonly port: number;
  /** The file with the certificate to trust. */
  readonly authority: string;
}

export interface OurGate extends Gate {
  /** The groups file. */
  readonly file: string;
  readonly program: Program;
}

export interface Client {
  readonly pid: number;
  /** How often it has been registered. */
  registered(): number;
  /** Everything that it wrote. */
  said(): string;
  /** Resolves with the exit code; null when a signal ended it. */
  ended(): Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

export interface ClientOptions {
  readonly group: string;
  readonly basic?: readonly [username: string, password: string];
  readonly bearer?: string;
  /** Where the requests go. A peer without one answers by itself. */
  readonly target?: string;
  readonly flags?: readonly string[];
}

export type Era = 'head' | 'readme';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** For `serverName`, and gone with its test. */
export async function certificateFiles(t: TestContext): Promise<CertificateFiles> {
  const { cert, key } = await makeCertificate(serverName);
  return {
    certificate: temporaryFile(t, 'server.crt', cert),
    key: temporaryFile(t, 'server.key', key),
  };
}

/** The credentials as both commands want them, and those of the peer. */
export function credentialFlags({ basic, bearer }: Partial<ClientOptions>): string[] {
  if (basic !== undefined) return ['--username', basic[0], '--password', basic[1]];
  return bearer === undefined ? [] : ['--token', bearer];
}

interface Spoken {
  readonly pid: number;
  readonly lines: readonly string[];
  readonly ended: Promise<number | null>;
  /** Resolves when a line begins so; fails when the program ends before it does. */
  says(beginning: string): Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

function startPeer(t: TestContext, program: string, words: readonly string[]): Spoken {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid!,
    lines,
    ended,
    async says(beginning) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = (): void => {
        const found = lines.find((line) => line.startsWith(beginning));
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`the peer ended: ${lines.join('; ')}`)));
      try {
        return await within(30_000, promise, `the peer's ${beginning}`);
      } finally {
        waiting.delete(look);
      }
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** `sallyport reverst server`, which follows its groups file. Native agents attach at `port`. */
export async function startReverstServer(
  t: TestContext,
  era: Era,
  groups: readonly Group[],
  flags: readonly string[] = [],
): Promise<OurGate> {
  const { certificate, key } = await certificateFiles(t);
  const file = temporaryFile(t, 'groups.yml', groupsFile(era, groups));
  const anywhere = ['--tunnel-address', '127.0.0.1:0', '--http-address', '127.0.0.1:0'];
  const program = startProgram(
    t,
    [
      'reverst',
      'server',
      ...anywhere,
      '--server-name',
      serverName,
      '--certificate-path',
      certificate,
      '--private-key-path',
      key,
      '--tunnel-groups',
      file,
      '--watch-groups',
      ...flags,
    ],
    { env: tokenInEnvironment },
  );
  const [tunnel, port] = await Promise.all([
    listening(program, 'QUIC tunnel'),
    listening(program, 'HTTP'),
  ]);
  return { tunnel, port, authority: certificate, file, program };
}

/** The port that the server says it listens on. */
export function listening(program: Program, what: string): Promise<number> {
  const told = new RegExp(`msg="${what} listener starting\\.\\.\\." addr=127\\.0\\.0\\.1:(\\d+)`);
  return program.line((line) => {
    const found = told.exec(line)?.[1];
    return found === undefined ? undefined : Number(found);
  });
}

/** Groups as YAML, which JSON is. */
export function groupsFile(era: Era, groups: readonly Group[]): string {
  const entries = groups.map(({ name, hosts, ...how }) => [
    name,
    { hosts, authentication: era === 'readme' ? flat(how) : nested(how) },
  ]);
  return JSON.stringify({ groups: Object.fromEntries(entries) });
}

function flat({ basic, bearer }: Partial<Group>): unknown {
  if (basic !== undefined) return { type: 'basic', username: basic[0], password: basic[1] };
  return bearer === undefined ? { type: 'insecure' } : { type: 'bearer', token: bearer };
}

/** An open group has no shape of its own here: it has to be asked for. */
function nested({ basic, bearer }: Partial<Group>): unknown {
  if (basic !== undefined) return { basic: { username: basic[0], password: basic[1] } };
  return bearer === undefined ? { type: 'insecure' } : { bearer: { token: bearer } };
}

export async function startPeerServer(
  t: TestContext,
  program: string,
  era: Era,
  groups: readonly Group[],
  flags: readonly string[] = [],
): Promise<Gate> {
  const { certificate, key } = await certificateFiles(t);
  const written = groups.flatMap(({ name, hosts, basic, bearer }) => {
    const how = basic === undefined ? [] : ['basic', ...basic];
    if (bearer !== undefined) how.push('bearer', bearer);
    return ['-group', [name, hosts.join(','), ...how].join(' ')];
  });
  const files = ['-certificate-path', certificate, '-private-key-path', key];
  const peer = startPeer(t, program, ['server', '-era', era, ...files, ...written, ...flags]);
  const [, tunnel, port] = (await peer.says('listening')).split(' ').map(Number);
  return { tunnel, port, authority: certificate };
}

/** `sallyport reverst http`. Registered, unless told that it will not be. */
export async function startHttp(
  t: TestContext,
  gate: Gate,
  options: ClientOptions & { readonly target: string },
  { registers = true }: { registers?: boolean } = {},
): Promise<Client> {
  const { group, target, flags = [] } = options;
  const program = startProgram(t, [
    'reverst',
    'http',
    '--tunnel-address',
    `127.0.0.1:${gate.tunnel}`,
    '--server-name',
    serverName,
    '--cacert-path',
    gate.authority,
    '--tunnel-group',
    group,
    ...credentialFlags(options),
    ...flags,
    target,
  ]);
  const registered = / msg=registered /g;
  if (registers) await program.line((line) => line.includes(' msg=registered ') || undefined);
  return {
    pid: program.pid,
    registered: () => program.out().match(registered)?.length ?? 0,
    said: () => program.out() + program.err(),
    ended: async () => (await program.ended()).code,
    kill: program.kill,
  };
}

/** Registered, unless told that it will not be. */
export async function startPeerClient(
  t: TestContext,
  program: string,
  gate: Gate,
  options: ClientOptions,
  { era = 'head', registers = true }: { era?: Era; registers?: boolean } = {},
): Promise<Client> {
  const { group, target, flags = [] } = options;
  const to = ['--tunnel-address', `127.0.0.1:${gate.tunnel}`, '--server-name', serverName];
  const peer = startPeer(t, program, [
    'client',
    '-era',
    era,
    '-group',
    group,
    '-cacert-path',
    gate.authority,
    ...to,
    ...credentialFlags(options),
    ...(target === undefined ? [] : ['-target', target]),
    ...flags,
  ]);
  if (registers) await peer.says('registered');
  return {
    pid: peer.pid,
    registered: () => peer.lines.filter((line) => line === 'registered').length,
    said: () => peer.lines.join('\n'),
    ended: () => within(30_000, peer.ended, 'the end of the peer'),
    kill: peer.kill,
  };
}
