/**
 * A map for what has one entry nearly always, in thousands of copies: a resting agent has one stream
 * and one service. The table of an ordinary map with one entry takes five times as much memory.
 */
export class MostlyOne<K extends string | number, V> {
  /** The only entry, until there is a second one. */
  #key: K | null = null;
  #value: V | undefined = undefined;
  /** All entries, from the second one on. */
  #all: Map<K, V> | null = null;

  get size(): number {
    if (this.#all !== null) return this.#all.size;
    return this.#key === null ? 0 : 1;
  }

  get(key: K): V | undefined {
    if (this.#all !== null) return this.#all.get(key);
    return this.#key === key ? this.#value : undefined;
  }

  has(key: K): boolean {
    return this.#all === null ? this.#key === key : this.#all.has(key);
  }

  set(key: K, value: V): this {
    if (this.#all === null && (this.#key === null || this.#key === key)) {
      this.#key = key;
      this.#value = value;
      return this;
    }
    this.#all ??= new Map([[this.#key!, this.#value!]]);
    this.#all.set(key, value);
    this.#key = null;
    this.#value = undefined;
    return this;
  }

  delete(key: K): boolean {
    if (this.#all !== null) return this.#all.delete(key);
    if (this.#key !== key) return false;
    this.#key = null;
    this.#value = undefined;
    return true;
  }

  /** As with a map, entries may be deleted on the way through these. */
  entries(): IterableIterator<[K, V]> {
    if (this.#all !== null) return this.#all.entries();
    const entries: [K, V][] = this.#key === null ? [] : [[this.#key, this.#value!]];
    return entries.values();
  }

  keys(): IterableIterator<K> {
    if (this.#all !== null) return this.#all.keys();
    return (this.#key === null ? [] : [this.#key]).values();
  }

  values(): IterableIterator<V> {
    if (this.#all !== null) return this.#all.values();
    return (this.#key === null ? [] : [this.#value!]).values();
  }
}
