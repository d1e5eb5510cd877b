/** `sallyport hubble proxy|agent`: the programs of Hubble, with their flags and exit codes. */
import { SallyportError } from '../../errors.ts';
import type { Invocation } from '../dispatch.ts';
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
  try {
    return program === 'proxy' ? await proxy(args, invocation) : await agent(args, invocation);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    const { code, message, advice } = thrown;
    stderr.write(`sallyport hubble ${program}: ${code}: ${message}\n  fix: ${advice}\n`);
    return FAILED;
  }
}

async function proxy(args: readonly string[], invocation: Invocation): Promise<number> {
  const flags = parseGoFlags(args, proxyFlags);
  if (!flags.on('h') && !flags.on('help')) return runProxy(flags, invocation);
  invocation.stdout.write(usage.proxy);
  return 0;
}

async function agent(args: readonly string[], invocation: Invocation): Promise<number> {
  const flags = parseGoFlags(args, agentFlags);
  const { stdout, stderr } = invocation;
  if (flags.on('h') || flags.on('help')) {
    stdout.write(usage.agent);
    return 0;
  }
  const missing = (['url', 'name'] as const).filter((name) => !flags.text(name));
  if (missing.length === 0) return runAgent(flags, invocation);
  stderr.write(`missing: ${missing.map((name) => `-${name}`).join(', ')}\n${usage.agent}`);
  return FAILED;
}
