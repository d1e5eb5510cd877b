/** A body in chunks; RFC 9112, section 7.1. */
import { isForbiddenTrailer } from './trailers.ts';

const lineEnd = Buffer.from('\r\n');

/** A piece of a body in chunks. */
export function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd]);
}

/** The end of a body in chunks. Trailers that could be taken for header fields stay behind. */
export function lastChunk(trailers: readonly (readonly [name: string, value: string])[]): Buffer {
  const lines = trailers
    .filter(([name]) => !isForbiddenTrailer(Buffer.from(name, 'latin1'), name.length))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`0\r\n${lines.join('')}\r\n`, 'latin1');
}
