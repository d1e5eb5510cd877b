/** Bytes that are the same in every run and nowhere repeat, so that loss, doubling and order show. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

const BLOCK_BYTES = 64 * 1024;

/** A block of pseudo-random bytes (xorshift) that the numbered blocks are made from. */
const block = Buffer.alloc(BLOCK_BYTES);
for (let at = 0, state = 0x9e3779b9; at < BLOCK_BYTES; at += 4) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  block.writeInt32LE(state | 0, at);
}

function* blocks(total: number): Generator<Buffer> {
  for (let sent = 0, index = 0; sent < total; index++) {
    const piece = Buffer.from(block.subarray(0, Math.min(BLOCK_BYTES, total - sent)));
    if (piece.length >= 4) piece.writeUInt32LE(index, 0);
    sent += piece.length;
    yield piece;
  }
}

/** `total` bytes of noise as a stream. */
export function noiseStream(total: number): Readable {
  return Readable.from(blocks(total), { objectMode: false });
}

/** `total` bytes of noise at once. */
export function noiseBytes(total: number): Buffer {
  return Buffer.concat([...blocks(total)]);
}

/** SHA-256 of `total` bytes of noise, in hex. */
export function noiseDigest(total: number): string {
  const hash = createHash('sha256');
  for (const piece of blocks(total)) hash.update(piece);
  return hash.digest('hex');
}

/** Reads a stream to its end. */
export async function digestOf(
  stream: AsyncIterable<Buffer>,
): Promise<{ bytes: number; digest: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of stream) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, digest: hash.digest('hex') };
}
