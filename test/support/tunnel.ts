/** A server and its clients as processes, the way a user runs them, on free ports. */
import type { TestContext } from 'node:test';
import { startProgram, type Program, type ProgramOptions } from './program.ts';

/** The credential that the programs of one test share. */
export const testToken = 'sp_test-credential-of-the-system-tests';

export interface Server {
  readonly program: Program;
  readonly port: number;
  readonly url: string;
}

interface Listening {
  port: number;
  /** The base of the addresses it gives out. */
  url: string;
  /** The credential it made, when it was given none. */
  token?: string;
}

/** Environment that carries the token, so that it stands in no process list. */
export const tokenInEnvironment = { SALLYPORT_TOKEN: testToken };

/** `sallyport server` on a free loopback port, ready. */
export async function startServer(
  t: TestContext,
  flags: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Server> {
  const listen = flags.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const program = startProgram(t, ['server', '--json', ...listen, ...flags], {
    ...options,
    env: { ...tokenInEnvironment, ...options.env },
  });
  const { port, url } = await program.line(readListening);
  return { program, port, url };
}

export interface Service {
  readonly program: Program;
  readonly assigned: Registered;
}

/** What the server assigned to a service. */
export interface Registered {
  service: string;
  urls: string[];
  /** Public TCP port; absent for a service without one. */
  port?: number;
}

/** `sallyport http …`, `tcp …` or `agent …`, registered at the server. `port` leads around it, over a forwarder. */
export async function startService(
  t: TestContext,
  server: { port: number },
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<Service> {
  const program = startClient(t, server, [...words, '--json'], options);
  return { program, assigned: await program.line((line) => readRegistered(line)) };
}

/** Any client command, started and not waited for. */
export function startClient(
  t: TestContext,
  server: { port: number },
  words: readonly string[],
  options: ProgramOptions = {},
): Program {
  const url = words.includes('--server') ? [] : ['--server', `ws://127.0.0.1:${server.port}`];
  return startProgram(t, [...words, ...url], {
    ...options,
    env: { ...tokenInEnvironment, ...options.env },
  });
}

/** A server with one service on it: what most tests begin with. */
export async function startTunnel(
  t: TestContext,
  words: readonly string[],
  serverFlags: readonly string[] = [],
): Promise<{ server: Server; service: Service }> {
  const server = await startServer(t, serverFlags);
  const service = await startService(t, server, words);
  return { server, service };
}

/** The line in which an agent says what it was assigned, of any service or of the one named. */
export function readRegistered(line: string, name?: string): Registered | undefined {
  const said = readEvent(line, 'registered') as Registered | undefined;
  return name === undefined || said?.service === name ? said : undefined;
}

/** The line in which a server says where it listens. */
export function readListening(line: string): Listening | undefined {
  return readEvent(line, 'listening') as Listening | undefined;
}

/** The port that `forward` says it listens on. */
export function readForwardPort(line: string): number | undefined {
  return readEvent(line, 'listening')?.port as number | undefined;
}

/** The line if it is an event of that kind: not every line is. */
function readEvent(line: string, event: string): Record<string, unknown> | undefined {
  try {
    const said = JSON.parse(line) as Record<string, unknown>;
    return said.event === event ? said : undefined;
  } catch {
    return undefined;
  }
}
