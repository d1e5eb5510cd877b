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

  /** Keeps the bytes, which are the caller's no more. */
  append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.end += bytes.length;
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
    return taken;
  }

  /** The peer has everything before `offset`. False for an offset that cannot be. */
  acknowledge(offset: number): boolean {
    if (offset > this.sent || offset < this.acknowledged) return false;
    let drop = 0;
    let start = this.acknowledged;
    while (drop < this.#pieces.length && start + this.#pieces[drop].length <= offset)
      start += this.#pieces[drop++].length;
    this.#pieces.splice(0, drop);
    this.#piece -= drop;
    if (start < offset) {
      this.#pieces[0] = this.#pieces[0].subarray(offset - start);
      if (this.#piece === 0) this.#at -= offset - start;
    }
    this.acknowledged = offset;
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
    this.#piece = this.#at = 0;
    this.acknowledged = this.sent = this.end;
  }
}
