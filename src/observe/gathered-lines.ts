/**
 * Lines of a log that wait to be written, as bytes: text that waits in thousands of strings, each put
 * together of many, would outlive the young generation.
 */

/** More is freed when it has been taken. */
const KEPT_BYTES = 64 * 1024;
const BYTES_PER_UNIT_MAX = 3;

export interface TakenLines {
  /** Good until more is taken. */
  readonly bytes: Buffer;
  readonly count: number;
}

export class GatheredLines {
  #bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);
  #spare: Buffer<ArrayBuffer> | null = null;
  #length = 0;
  #count = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Takes the line unless more than `maxBytes` would wait then; answers whether it did. */
  add(line: string, maxBytes: number): boolean {
    const room = line.length * BYTES_PER_UNIT_MAX;
    if (this.#length + room > maxBytes && this.#length + Buffer.byteLength(line) > maxBytes)
      return false;
    if (this.#length + room > this.#bytes.length) this.#grow(this.#length + room);
    this.#length += this.#bytes.write(line, this.#length, 'utf8');
    this.#count++;
    return true;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(4096, needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  /** All that waits. Those that come from now on wait elsewhere. */
  take(): TakenLines {
    const taken = { bytes: this.#bytes.subarray(0, this.#length), count: this.#count };
    const used = this.#bytes;
    this.#bytes = this.#spare ?? Buffer.alloc(0);
    this.#spare = used.length <= KEPT_BYTES ? used : null;
    this.#length = this.#count = 0;
    return taken;
  }
}
