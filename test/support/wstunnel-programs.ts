/** `sallyport wstunnel srv` and `cli`, as processes. */
import type { TestContext } from 'node:test';
import { startProgram, type Program, type ProgramOptions } from './program.ts';
import { rendezvous } from './wstunnel-agent.ts';

export interface StartedSrv extends Program {
  readonly port: number;
}

export async function startSrv(t: TestContext, flags: readonly string[] = []): Promise<StartedSrv> {
  const words = ['wstunnel', 'srv', '-host', '127.0.0.1', '-port', '0', ...flags];
  const program = startProgram(t, words);
  const port = await program.logLine((line) => {
    const found = /Listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    return found === undefined ? undefined : Number(found);
  });
  return { ...program, port };
}

/** Connected, unless told that it will not be. */
export async function startCli(
  t: TestContext,
  port: number,
  flags: readonly string[],
  options: ProgramOptions = {},
  connects = true,
): Promise<Program> {
  const tunnel = ['-tunnel', `ws://127.0.0.1:${port}`, '-token', rendezvous];
  const program = startProgram(t, ['wstunnel', 'cli', ...tunnel, ...flags], options);
  if (connects) await program.logLine((line) => line.includes('WS   ready') || undefined);
  return program;
}
