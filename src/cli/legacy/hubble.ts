/** `sallyport hubble proxy|agent`: the programs of Hubble, with their flags and exit codes. */
import { SallyportError } from '../../errors.ts';
import type { Invocation } from '../invocation.ts';
import { describeGoFlags, parseGoFlags } from './go-flags.ts';
import { agentFlags, runAgent } from './hubble-agent.ts';
import { proxyFlags, runProxy } from './hubble-proxy.ts';

/** A failure of any kind; flags that are none are 2. */
const FAILED = 1;
const MISUSED = 2;

const usage = {
  proxy: `Usage: sallyport hubble proxy [flags]\n${describeGoFlags(proxyFlags)}`,
  agent: `Usage: sallyport hubble agent [flags] [LPORT:[KEY@]GATEWAY:HOST:RPORT]...\n${describeGoFlags(agentFlags)}`,
};

export async function run(invocation: Invocation): Promise<number> {
  const { stdout, stderr } = invocation;
  const [program = '', ...args] = invocation.args;
  if (program !== 'proxy' && program !== 'agent') {
    const asked = /^(?:--?h(?:elp)?|help)$/.test(program);
    (asked ? stdout : stderr).write(`${usage.proxy}\n${usage.agent}`);
    return asked ? 0 : MISUSED;
  }
  const fail = (thrown: unknown, exit: number): number => {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    const { code, message, advice } = thrown;
    stderr.write(`sallyport hubble ${program}: ${code}: ${message}\n  fix: ${advice}\n`);
    return exit;
  };
  let work: Work;
  try {
    work = program === 'proxy' ? proxy(args, invocation) : agent(args, invocation);
  } catch (thrown) {
    return fail(thrown, MISUSED);
  }
  try {
    return await work();
  } catch (thrown) {
    return fail(thrown, FAILED);
  }
}

type Work = () => Promise<number> | number;

/** What the words ask for. Throws USAGE for flags that are none. */
function proxy(args: readonly string[], invocation: Invocation): Work {
  const flags = parseGoFlags(args, proxyFlags);
  if (flags.on('h') || flags.on('help')) return () => tell('proxy', invocation);
  return () => runProxy(flags, invocation);
}

function agent(args: readonly string[], invocation: Invocation): Work {
  const flags = parseGoFlags(args, agentFlags);
  if (flags.on('h') || flags.on('help')) return () => tell('agent', invocation);
  const missing = (['url', 'name'] as const).filter((name) => !flags.text(name));
  if (missing.length === 0) return () => runAgent(flags, invocation);
  return () => {
    const names = missing.map((name) => `-${name}`).join(', ');
    invocation.stderr.write(`missing: ${names}\n${usage.agent}`);
    return FAILED;
  };
}

function tell(program: keyof typeof usage, { stdout }: Invocation): number {
  stdout.write(usage[program]);
  return 0;
}
