/** `sallyport wstunnel cli|srv`: the programs of WStunnel, with their flags and exit codes. */
import { SallyportError } from '../../errors.ts';
import { adviceIn } from '../advice.ts';
import type { Invocation } from '../invocation.ts';
import { describeGoFlags, parseGoFlags, type GoArguments, type GoFlag } from './go-flags.ts';
import { cliFlags, cliWords, runCli } from './wstunnel-cli.ts';
import { runSrv, srvFlags } from './wstunnel-srv.ts';

/** A failure of any kind; flags that are none are 2. */
const FAILED = 1;
const MISUSED = 2;

const usage = {
  cli: `Usage: sallyport wstunnel cli [flags]\n${describeGoFlags(cliFlags)}`,
  srv: `Usage: sallyport wstunnel srv [flags]\n${describeGoFlags(srvFlags)}`,
};

export async function run(invocation: Invocation): Promise<number> {
  const { stdout, stderr, version } = invocation;
  const [program = '', ...args] = invocation.args;
  if (/^(?:--?)?version$/.test(program)) {
    stdout.write(`${version}\n`);
    return 0;
  }
  try {
    if (program === 'cli') return await runWith(args, cliFlags, usage.cli, invocation, runCli);
    if (program === 'srv') return await runWith(args, srvFlags, usage.srv, invocation, runSrv);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    const { code, message } = thrown;
    const advice = adviceIn(program === 'cli' ? cliWords : [], thrown);
    stderr.write(`sallyport wstunnel ${program}: ${code}: ${message}\n  fix: ${advice}\n`);
    return FAILED;
  }
  const asked = /^(?:--?h(?:elp)?|help)$/.test(program);
  (asked ? stdout : stderr).write(`${usage.cli}\n${usage.srv}`);
  return asked ? 0 : FAILED;
}

type Flags = Readonly<Record<string, GoFlag>> & { readonly h: GoFlag; readonly help: GoFlag };

async function runWith<F extends Flags>(
  args: readonly string[],
  flags: F,
  text: string,
  invocation: Invocation,
  start: (given: GoArguments<keyof F & string>, invocation: Invocation) => Promise<number>,
): Promise<number> {
  let given: GoArguments<keyof F & string>;
  try {
    given = parseGoFlags<keyof F & string>(args, flags);
  } catch (thrown) {
    invocation.stderr.write(`${(thrown as SallyportError).message}\n${text}`);
    return MISUSED;
  }
  if (!given.on('h') && !given.on('help')) return start(given, invocation);
  invocation.stdout.write(text);
  return 0;
}
