/** `sallyport reverst server|http`: the programs of reverst, with their flags and exit codes. */
import { SallyportError } from '../../errors.ts';
import { adviceIn, type OwnWords } from '../advice.ts';
import type { Invocation } from '../invocation.ts';

/** Whatever went wrong; the originals have it for their help as well. */
const FAILED = 1;

export interface ReverstProgram {
  readonly usage: string;
  /** `args` begin behind the name of the program. Gives the exit code, or throws as commands do. */
  run(args: readonly string[], invocation: Invocation): Promise<number>;
  /** In which its advice is given. */
  readonly words?: OwnWords;
  /** Of a failure; absent: FAILED, whatever it was. */
  exitCode?(error: SallyportError): number;
}

const loaders: Readonly<Record<string, () => Promise<ReverstProgram>>> = {
  server: async () => (await import('./reverst-server.ts')).serverProgram,
  http: async () => (await import('./reverst-http.ts')).httpProgram,
};

/** Neither groups nor flags stand in a file that this command checks. */
const noConfigFile = ['; `sallyport config check FILE` checks the file', ''] as const;

export async function run(invocation: Invocation): Promise<number> {
  const { stdout, stderr } = invocation;
  const [name = '', ...args] = invocation.args;
  if (!Object.hasOwn(loaders, name)) {
    const programs = await Promise.all(Object.values(loaders).map((load) => load()));
    const asked = /^(?:--?h(?:elp)?|help)$/.test(name);
    (asked ? stdout : stderr).write(programs.map(({ usage }) => usage).join('\n'));
    return asked ? 0 : FAILED;
  }
  const program = await loaders[name]();
  try {
    return await program.run(args, invocation);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    const { code, message } = thrown;
    const advice = adviceIn([...(program.words ?? []), noConfigFile], thrown);
    if (code === 'USAGE') stderr.write(program.usage);
    stderr.write(
      `error: ${message}\n${code === 'USAGE' ? '' : `  code: ${code}\n  fix: ${advice}\n`}`,
    );
    return program.exitCode?.(thrown) ?? FAILED;
  }
}
