import { POLL_GATHER_BYTES } from '../../limits.ts';

const none = Buffer.alloc(0);

/** Bytes that were sent and may have to be sent again: kept from their first to their last unacknowledged one. */
export class SentBytes {
  /** Offsets in the stream of bytes: acknowledged <= sent <= end. */
  acknowledged = 0;
  sent = 0;
  end = 0;
  #pieces: Buffer[] = [];
  /** Where `sent` stands: the piece, and the place in it. */
  #piece = 0;
  #at = 0;
  /** How far `sent` has ever been. */
  #furthest = 0;
  /** Where the next small bytes go. */
  #room: Buffer = none;

  /** Keeps a copy. */
  append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.end += bytes.length;
    if (bytes.length > POLL_GATHER_BYTES / 2) this.#pieces.push(Buffer.from(bytes));
    else this.#gather(bytes);
  }

  /** Puts small bytes behind the small ones before them. */
  #gather(bytes: Buffer): void {
    if (bytes.length > this.#room.length) this.#room = Buffer.allocUnsafeSlow(POLL_GATHER_BYTES);
    const room = this.#room;
    bytes.copy(room);
    this.#room = room.subarray(bytes.length);
    const last = this.#pieces.at(-1);
    const adjoins =
      last?.buffer === room.buffer && last.byteOffset + last.length === room.byteOffset;
    if (!adjoins) return void this.#pieces.push(room.subarray(0, bytes.length));
    if (this.#piece === this.#pieces.length) {
      this.#piece--;
      this.#at = last.length;
    }
    const longer = Buffer.from(room.buffer, last.byteOffset, last.length + bytes.length);
    this.#pieces[this.#pieces.length - 1] = longer;
  }

  /** How many are kept. */
  get kept(): number {
    return this.end - this.acknowledged;
  }

  /** How many buffers they are kept in. */
  get pieces(): number {
    return this.#pieces.length;
  }

  /** The next bytes to send, at most `max` of them, which count as sent from now on. */
  take(max: number): Buffer[] {
    const taken: Buffer[] = [];
    for (let left = max; left > 0 && this.#piece < this.#pieces.length;) {
      const piece = this.#pieces[this.#piece];
      const n = Math.min(left, piece.length - this.#at);
      taken.push(piece.subarray(this.#at, this.#at + n));
      left -= n;
      this.sent += n;
      this.#at += n;
      if (this.#at === piece.length) {
        this.#piece++;
        this.#at = 0;
      }
    }
    this.#furthest = Math.max(this.#furthest, this.sent);
    return taken;
  }

  /**
   * The peer has everything before `offset`. False for an offset that cannot be: beyond whatever was
   * sent, or before what it had already. It may lie beyond `sent` after a `rewind`, when what seemed
   * lost had arrived: then the next bytes to send are those behind it.
   */
  acknowledge(offset: number): boolean {
    if (offset > this.#furthest || offset < this.acknowledged) return false;
    let drop = 0;
    let start = this.acknowledged;
    while (drop < this.#pieces.length && start + this.#pieces[drop].length <= offset)
      start += this.#pieces[drop++].length;
    this.#pieces.splice(0, drop);
    if (start < offset) this.#pieces[0] = this.#pieces[0].subarray(offset - start);
    if (this.sent <= offset) {
      this.sent = offset;
      this.#piece = this.#at = 0;
    } else {
      this.#piece -= drop;
      if (start < offset && this.#piece === 0) this.#at -= offset - start;
    }
    this.acknowledged = offset;
    if (offset === this.end) this.#room = none; // a link that rests keeps nothing
    return true;
  }

  /** What was sent and not acknowledged will be sent again. */
  rewind(): void {
    this.sent = this.acknowledged;
    this.#piece = 0;
    this.#at = 0;
  }

  /** Forgets everything. */
  clear(): void {
    this.#pieces = [];
    this.#room = none;
    this.#piece = this.#at = 0;
    this.acknowledged = this.sent = this.end;
  }
}
