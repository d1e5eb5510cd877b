/** Which streams a peer has opened so far: their ids go up in steps of four, and may come in any order. */
export class SeenIds {
  #next: number;
  #ahead = new Set<number>();

  /** `first`: the id of the peer's first stream. */
  constructor(first: number) {
    this.#next = first;
  }

  /** Notes the id. False: it was seen before. */
  add(id: number): boolean {
    if (id < this.#next || this.#ahead.has(id)) return false;
    this.#ahead.add(id);
    while (this.#ahead.delete(this.#next)) this.#next += 4;
    return true;
  }
}
