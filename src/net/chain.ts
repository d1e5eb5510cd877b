/**
 * Items in the order they came, linked to one another: for what comes and goes with every request.
 *
 * A Map or a Set costs more there than its calls. V8 leaves each table that was outgrown pointing to
 * the one that took its place, and a table that has once come to the old generation keeps all later
 * ones, with everything in them, until the next full collection. With a few entries that change all the
 * time, nothing would die young any more.
 */

/** What can be in one chain at a time. Both links are the chain's alone, and null outside of it. */
export interface ChainLink<Item> {
  earlier: Item | null;
  later: Item | null;
}

export class Chain<Item extends ChainLink<Item>> {
  #first: Item | null = null;
  #last: Item | null = null;
  /** Where the present walk goes on. */
  #next: Item | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The item must be in no chain. */
  add(item: Item): void {
    item.earlier = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last.later = item;
    this.#last = item;
    this.#size++;
  }

  /** False when the item is not in a chain. */
  delete(item: Item): boolean {
    const { earlier, later } = item;
    if (earlier === null && this.#first !== item) return false;
    if (earlier === null) this.#first = later;
    else earlier.later = later;
    if (later === null) this.#last = earlier;
    else later.earlier = earlier;
    if (this.#next === item) this.#next = later;
    // An item that has left must not keep those that came after it.
    item.earlier = item.later = null;
    this.#size--;
    return true;
  }

  /** Visits each, the oldest first. Any of them may be deleted meanwhile; one walk at a time. */
  each(visit: (item: Item) => void): void {
    for (let item = this.#first; item !== null; item = this.#next) {
      this.#next = item.later;
      visit(item);
    }
  }

  /** Those that are in it now, the oldest first. */
  list(): Item[] {
    const items: Item[] = [];
    for (let item = this.#first; item !== null; item = item.later) items.push(item);
    return items;
  }

  find(matches: (item: Item) => boolean): Item | undefined {
    for (let item = this.#first; item !== null; item = item.later) if (matches(item)) return item;
    return undefined;
  }
}
