/**
 * Finds where a msgpack value ends while its bytes arrive, without decoding it: each byte is looked at
 * once, whatever the pieces, and nothing is kept but how many values are still due on each level.
 */

/** What a first byte announces: bytes of a length that follow, bytes of the value, values within it. */
interface Shape {
  readonly lengthBytes: number;
  /** Without the length's own. */
  readonly bytes: number;
  readonly values: number;
  /** What a length counts: bytes, single values, or pairs. */
  readonly unit: 'bytes' | 'values' | 'pairs';
}

const shape = (
  lengthBytes: number,
  bytes = 0,
  values = 0,
  unit: Shape['unit'] = 'bytes',
): Shape => ({
  lengthBytes,
  bytes,
  values,
  unit,
});

/** By the first byte, msgpack's table of formats. */
const shapes: readonly Shape[] = Array.from({ length: 256 }, (_, first) => {
  if (first < 0x80 || first >= 0xe0) return shape(0);
  if (first < 0x90) return shape(0, 0, 2 * (first & 0x0f));
  if (first < 0xa0) return shape(0, 0, first & 0x0f);
  if (first < 0xc0) return shape(0, first & 0x1f);
  if (first < 0xc4) return shape(0);
  if (first < 0xc7) return shape(1 << (first - 0xc4));
  // Extensions have a byte for their type.
  if (first < 0xca) return shape(1 << (first - 0xc7), 1);
  if (first < 0xcc) return shape(0, first === 0xca ? 4 : 8);
  if (first < 0xd4) return shape(0, 1 << (first & 3));
  if (first < 0xd9) return shape(0, 1 + (1 << (first - 0xd4)));
  if (first < 0xdc) return shape(1 << (first - 0xd9));
  return shape(first & 1 ? 4 : 2, 0, 0, first < 0xde ? 'values' : 'pairs');
});

export class MessageEnd {
  readonly #depthMax: number;
  /** Values that are still due, on each level from the outside in. */
  #due = [1];
  #shape: Shape | null = null;
  #length = 0;
  #lengthLeft = 0;
  /** Bytes of a value to pass over. */
  #skip = 0;

  constructor(depthMax: number) {
    this.#depthMax = depthMax;
  }

  /** Where the value ends in these bytes, null when it goes on behind them, `deep` for too many levels. */
  scan(bytes: Uint8Array): number | null | 'deep' {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const n = Math.min(this.#skip, bytes.length - at);
        this.#skip -= n;
        at += n;
      } else if (this.#lengthLeft > 0) {
        this.#length = this.#length * 256 + bytes[at++];
        if (--this.#lengthLeft > 0) continue;
        this.#open(this.#shape!);
      } else {
        this.#begin(shapes[bytes[at++]]);
      }
      if (this.#due.length > this.#depthMax) return 'deep';
      if (this.#skip === 0 && this.#lengthLeft === 0 && this.#close()) return at;
    }
    return null;
  }

  #begin(of: Shape): void {
    this.#due[this.#due.length - 1]--;
    this.#shape = of;
    this.#length = 0;
    this.#lengthLeft = of.lengthBytes;
    if (of.lengthBytes === 0) this.#open(of);
  }

  /** The length is known. */
  #open({ bytes, values, unit }: Shape): void {
    this.#skip = bytes + (unit === 'bytes' ? this.#length : 0);
    const inside =
      values + (unit === 'values' ? this.#length : unit === 'pairs' ? 2 * this.#length : 0);
    if (inside > 0) this.#due.push(inside);
  }

  /** Leaves the levels on which nothing is due. True: the outermost is done. */
  #close(): boolean {
    while (this.#due.at(-1) === 0) this.#due.pop();
    return this.#due.length === 0;
  }
}
