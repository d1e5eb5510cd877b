/** `sallyport reverst server` and `http`, as processes, and the files that they are given. */
import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { makeCertificate, temporaryFolder } from './files.ts';
import { startProgram, type Program } from './program.ts';

/** As the original's README has it. */
export const group = 'flipt.dev.local';
export const readmeGroups = `groups:
  "${group}":
    hosts:
    - "${group}"
    authentication:
      type: "basic"
      username: "user"
      password: "pass"
`;
export const laterGroups = `groups:
  "${group}":
    hosts:
    - "${group}"
    authentication:
      basic:
        username: user
        password: pass
`;
export const login = ['--username', 'user', '--password', 'pass'];

export interface ReverstFolder {
  readonly directory: string;
  readonly flags: readonly string[];
  /** Puts other groups in the place of those before. */
  write(groups: string): void;
}

/** A folder with a certificate for the group's name, and groups. */
export async function reverstFolder(t: TestContext, groups: string): Promise<ReverstFolder> {
  const directory = temporaryFolder(t);
  const write = (text: string): void => {
    fs.writeFileSync(path.join(directory, 'next.yml'), text);
    fs.renameSync(path.join(directory, 'next.yml'), path.join(directory, 'groups.yml'));
  };
  const { cert, key } = await makeCertificate(group);
  fs.writeFileSync(path.join(directory, 'server.crt'), cert);
  fs.writeFileSync(path.join(directory, 'server.key'), key);
  write(groups);
  const flags = ['-n', group, '-k', 'server.key', '-c', 'server.crt'];
  return { directory, write, flags };
}

export interface StartedServer extends Program, ReverstFolder {
  /** Of HTTP, and of QUIC. */
  readonly port: number;
  readonly quicPort: number;
}

export async function startReverst(
  t: TestContext,
  groups: string,
  more: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<StartedServer> {
  const folder = await reverstFolder(t, groups);
  const addresses = ['-a', '127.0.0.1:0', '-s', '127.0.0.1:0'];
  const words = ['reverst', 'server', ...addresses, ...folder.flags, ...more];
  const program = startProgram(t, words, { cwd: folder.directory, env });
  const [quicPort, port] = await Promise.all([
    portIn(program, 'QUIC tunnel listener starting...'),
    portIn(program, 'HTTP listener starting...'),
  ]);
  return { ...program, ...folder, port, quicPort };
}

/** Of the line of the log with that message. */
export function portIn(program: Program, message: string): Promise<number> {
  return program.line((line) => {
    const addr = line.includes(`msg="${message}"`) && /addr=127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    return addr ? Number(addr) : undefined;
  });
}

/** Resolves when it has registered. */
export async function startHttp(
  t: TestContext,
  { directory, quicPort }: StartedServer,
  words: readonly string[],
): Promise<Program> {
  const where = ['-a', `127.0.0.1:${quicPort}`, '-n', group, '-c', 'server.crt'];
  const program = startProgram(t, ['reverst', 'http', ...where, ...words], { cwd: directory });
  await program.line((line) => line.includes(' msg=registered ') || undefined);
  return program;
}
