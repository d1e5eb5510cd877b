/** `sallyport sokken server|client`: the program sokken, with its flags and exit codes. */
import { SallyportError } from '../../errors.ts';
import type { Invocation } from '../invocation.ts';
import { describeGoFlags, parseGoFlags } from './go-flags.ts';
import { clientFlags, runClient } from './sokken-client.ts';
import { createSokkenLog } from './sokken-logs.ts';
import { runServer, serverFlags } from './sokken-server.ts';

/** A failure of any kind, and the end by a signal; a command line that is none is 2. */
const FAILED = 1;
const MISUSED = 2;

const usage = `Usage: sallyport sokken server [OPTION]... API_ADDR REMOTE_ADDR [REMOTE_ADDR_2...]
       sallyport sokken client [OPTION]... API_ADDR LISTEN_ADDR REMOTE_URL [LISTEN_ADDR_2 REMOTE_URL_2 ...]
Options of the server:
${describeGoFlags(serverFlags)}Options of the client:
${describeGoFlags(clientFlags)}`;

const help = { h: { help: 'print this' }, help: { help: 'print this' } } as const;

export async function run(invocation: Invocation): Promise<number> {
  const { args, stdout, stderr } = invocation;
  try {
    const all = { ...serverFlags, ...clientFlags, ...help };
    const before = parseGoFlags(args, all);
    if (before.on('h') || before.on('help')) return print(stdout, 0);
    const [program = '', ...rest] = before.rest;
    // The original takes options before this word only, and its usage shows them behind it.
    const words = [...args.slice(0, args.length - before.rest.length), ...rest];
    return await start(program, words, invocation);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    const { code, message, advice } = thrown;
    stderr.write(`sallyport sokken: ${code}: ${message}\n  fix: ${advice}\n`);
    return code === 'USAGE' ? MISUSED : FAILED;
  }
}

async function start(
  program: string,
  words: readonly string[],
  invocation: Invocation,
): Promise<number> {
  const { stdout, stderr } = invocation;
  if (program !== 'server' && program !== 'client') return print(stderr, MISUSED);
  const server = program === 'server' ? parseGoFlags(words, { ...serverFlags, ...help }) : null;
  const client = server === null ? parseGoFlags(words, { ...clientFlags, ...help }) : null;
  const { on, rest } = (server ?? client)!;
  if (on('h') || on('help')) return print(stdout, 0);
  const whole = server !== null ? rest.length >= 2 : rest.length >= 3 && rest.length % 2 === 1;
  if (!whole) return print(stderr, MISUSED);
  await using logs = createSokkenLog((server ?? client)!, invocation);
  return server !== null
    ? await runServer(server, rest, invocation, logs)
    : await runClient(client!, rest, invocation, logs);
}

function print(stream: Invocation['stdout'], exit: number): number {
  stream.write(usage);
  return exit;
}
