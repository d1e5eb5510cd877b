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
  const { port, url } = await program.line(readServerLine);
  return { program, port, url };
}

export interface Service {
  readonly program: Program;
  /** What the server said it assigned: public port, URLs. */
  readonly assigned: Assigned;
}

export interface Assigned {
  /** Public TCP port; null for a service without one. */
  port: number | null;
  urls: string[];
}

/** `sallyport http …`, `tcp …` or `agent …`, registered at the server. `port` leads around it, over a forwarder. */
export async function startService(
  t: TestContext,
  server: { port: number },
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<Service> {
  const program = startClient(t, server, [...words, '--json'], options);
  return { program, assigned: await program.line(readServiceLine) };
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

/** Does nothing but parse: a line that is not JSON is not the one we wait for. */
export function asJson(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
