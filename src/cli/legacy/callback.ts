/** `sallyport callback server|reverse|proxy`: the programs of callback, with their flags and exit codes. */
import { SallyportError } from '../../errors.ts';
import type { Invocation } from '../invocation.ts';
import { proxyFlags, runProxy } from './callback-proxy.ts';
import { reverseFlags, runReverse } from './callback-reverse.ts';
import { runServer, serverFlags } from './callback-server.ts';
import { describeKingpin, parseKingpin, type KingpinFlag } from './kingpin-flags.ts';

/** Of all of them, whatever went wrong. */
const FAILED = 1;

const names = ['server', 'reverse', 'proxy'] as const;
type Name = (typeof names)[number];

const flagsOf: Readonly<Record<Name, Readonly<Record<string, KingpinFlag>>>> = {
  server: serverFlags,
  reverse: reverseFlags,
  proxy: proxyFlags,
};
const positionalsOf: Readonly<Record<Name, string>> = {
  server: '',
  reverse: '',
  proxy: ' <callbackId>',
};

export async function run(invocation: Invocation): Promise<number> {
  const { stdout, stderr, version } = invocation;
  const [first = '', ...args] = invocation.args;
  const program = names.find((name) => name === first);
  if (program === undefined) {
    const asked = first === '--help' || first === 'help';
    (asked ? stdout : stderr).write(names.map(usageOf).join('\n'));
    return asked ? 0 : FAILED;
  }
  try {
    const asks = askedOf(program, args, invocation.env);
    if (asks === null) return await starts[program](args, invocation);
    stdout.write(asks === 'help' ? usageOf(program) : `${version}\n`);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    stderr.write(`callback${program}: error: ${thrown.message}\n`);
    return FAILED;
  }
}

function askedOf(program: Name, args: readonly string[], env: NodeJS.ProcessEnv) {
  return parseKingpin(args, flagsOf[program], program === 'proxy' ? ['callbackId'] : [], env).asks;
}

type Start = (args: readonly string[], invocation: Invocation) => Promise<number>;

const starts: Readonly<Record<Name, Start>> = {
  server: (args, invocation) =>
    runServer(parseKingpin(args, serverFlags, [], invocation.env), invocation),
  reverse: (args, invocation) =>
    runReverse(parseKingpin(args, reverseFlags, [], invocation.env), invocation),
  proxy: (args, invocation) =>
    runProxy(parseKingpin(args, proxyFlags, ['callbackId'], invocation.env), invocation),
};

function usageOf(program: Name): string {
  const words = `sallyport callback ${program} [<flags>]${positionalsOf[program]}`;
  return `usage: ${words}\n\n${describeKingpin(flagsOf[program])}`;
}
