/** `sallyport token`: makes a token, or hashes one. */
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createToken, hashToken } from '../../access/tokens.ts';
import type { OptionsOf } from '../../config/schema.ts';
import type { CommandContext } from '../context.ts';

type Context = CommandContext<OptionsOf<'token'>>;

export async function run(context: Context): Promise<number> {
  const { options, stdout } = context;
  const made = options.hash ? undefined : createToken();
  const hash = hashToken(made ?? (await readToken(context)));
  if (options.json) stdout.write(`${JSON.stringify({ token: made, hash })}\n`);
  else stdout.write(made === undefined ? `${hash}\n` : `token: ${made}\nhash:  ${hash}\n`);
  return 0;
}

async function readToken({ stdin, signal }: Context): Promise<string> {
  const written = await text(addAbortSignal(signal, stdin));
  return written.replace(/\r?\n$/, '');
}
