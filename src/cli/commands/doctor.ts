/** `sallyport doctor URL`: each step of the way to a server, with cause and remedy where one fails. */
import { serverUrlFault } from '../../config/grammar.ts';
import type { OptionsOf } from '../../config/schema.ts';
import { examine } from '../../consumer/doctor/examination.ts';
import type { Step } from '../../consumer/doctor/step.ts';
import { errorKinds, isErrorCode, SallyportError } from '../../errors.ts';
import { serverAccess } from '../client-options.ts';
import type { CommandContext } from '../context.ts';

/**
 * Resolves to 0 when a transport works, else to the exit code of the first step that failed. Throws
 * USAGE for what is no URL of a server.
 */
export async function run(context: CommandContext<OptionsOf<'doctor'>>): Promise<number> {
  const { options, positionals, signal, stdout } = context;
  const { token = null } = options;
  const wrong = serverUrlFault(positionals[0]);
  if (wrong !== null) throw new SallyportError('USAGE', `URL: ${wrong}`);
  const access = { ...options, server: positionals[0], token: token ?? 'none' };
  const { wayOut, program, server } = serverAccess(access, context);
  const steps: Step[] = [];
  for await (const step of examine({
    server,
    token,
    wayOut,
    program,
    idleMs: options.idle,
    signal,
  })) {
    steps.push(step);
    if (!options.json) stdout.write(lineOf(step));
  }
  if (options.json) stdout.write(`${JSON.stringify({ server: server.href, steps })}\n`);
  const works = steps.some(({ what, result }) => transportNames.has(what) && result === 'ok');
  const failed = steps.find(({ result }) => result === 'failed');
  return works ? 0 : exitOf(failed?.code);
}

const transportNames: ReadonlySet<string> = new Set(['WebSocket', 'long-poll', 'QUIC']);
const marks = { ok: 'ok    ', failed: 'FAILED', skipped: '-     ' } as const;

function lineOf({ what, result, found, ms, code, remedy }: Step): string {
  const took = ms === undefined ? '' : ` (${ms} ms)`;
  const line = `${marks[result]}  ${what.padEnd(12)}  ${found}${took}\n`;
  return remedy === undefined ? line : `${line}${' '.repeat(22)}${code}: ${remedy}\n`;
}

function exitOf(code: string | undefined): number {
  return code !== undefined && isErrorCode(code) ? errorKinds[code].exit : 1;
}
