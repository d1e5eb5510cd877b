/** A script as it stands in its file. */
import fs from 'node:fs';
import { SallyportError } from '../../../errors.ts';
import { LUA_SCRIPT_MAX_BYTES } from '../../../limits.ts';

/** Throws CONFIG_INVALID, with `place` as where the file is named. */
export function readScript(file: string, place: string): string {
  const refuse = (why: string, cause?: unknown): never => {
    throw new SallyportError('CONFIG_INVALID', `${place}: ${file}: ${why}`, { cause });
  };
  try {
    if (fs.statSync(file).size > LUA_SCRIPT_MAX_BYTES)
      return refuse(`is larger than ${LUA_SCRIPT_MAX_BYTES} bytes; name a script`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file));
    return text.includes('\0') ? refuse('holds a byte 0; name a script') : text;
  } catch (thrown) {
    if (thrown instanceof SallyportError) throw thrown;
    const { code } = thrown as NodeJS.ErrnoException;
    return code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
      ? refuse('is no UTF-8 text; name a script', thrown)
      : refuse(`cannot be read: ${code}`, thrown);
  }
}
