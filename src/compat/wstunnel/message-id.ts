/** The four hexadecimal digits in front of every message. */
import { SallyportError } from '../../errors.ts';

export const ID_BYTES = 4;
/** Readers take 16 bits with a sign. */
const ID_MAX = 0x7fff;

export function writeId(bytes: Buffer, at: number, id: number): void {
  bytes.write(id.toString(16).padStart(ID_BYTES, '0'), at, 'latin1');
}

/** Throws PROTOCOL_MESSAGE. */
export function parseId(digits: string): number {
  const id = /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : Infinity;
  if (id <= ID_MAX) return id;
  throw new SallyportError(
    'PROTOCOL_MESSAGE',
    'wstunnel message: it must begin with an id of 4 hexadecimal digits, up to 7fff',
  );
}
