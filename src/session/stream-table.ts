/**
 * The streams of a session, by id: for streams that come and go thousands of times a second, where a
 * Map would keep them all (see net/chain.ts). A resting agent has one stream: for that there is no table.
 *
 * The peer chooses half of the ids. Where each of them stands depends on a secret: ids that all share one
 * place, so that every frame has to go through thousands, cannot be chosen.
 */
import { randomInt } from 'node:crypto';

/** What stands in one table at a time. The link is the table's alone, and null outside of it. */
export interface TableEntry<Entry> {
  readonly id: number;
  /** The next one in the same place. */
  sharer: Entry | null;
}

/** So many places from the second stream on, and twice as many whenever there are more streams than places. */
const PLACES_MIN = 8;

export class StreamTable<Entry extends TableEntry<Entry>> {
  /** One place: whatever is in the table. */
  #only: Entry | null = null;
  /** By the mixed bits of the id; its length is a power of two. Once there was a second stream. */
  #places: (Entry | null)[] | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Entry | null {
    let entry = this.#places === null ? this.#only : this.#places[this.#place(id)];
    while (entry !== null && entry.id !== id) entry = entry.sharer;
    return entry;
  }

  /** Its id must not be in the table. */
  add(entry: Entry): void {
    if (this.#size > 0 && this.#size >= (this.#places?.length ?? 1)) this.#grow();
    this.#size++;
    if (this.#places === null) this.#only = entry;
    else this.#put(this.#places, entry);
  }

  /** False when it is not in the table. */
  delete(entry: Entry): boolean {
    if (this.#places === null) {
      if (this.#only !== entry) return false;
      this.#only = null;
    } else if (!this.#unlink(this.#places, entry)) return false;
    entry.sharer = null;
    this.#size--;
    return true;
  }

  /** Those that are there now. */
  list(): Entry[] {
    const entries: Entry[] = [];
    for (const first of this.#places ?? [this.#only])
      for (let entry = first; entry !== null; entry = entry.sharer) entries.push(entry);
    return entries;
  }

  #place(id: number): number {
    return mixed(id) & (this.#places!.length - 1);
  }

  #put(places: (Entry | null)[], entry: Entry): void {
    const place = this.#place(entry.id);
    entry.sharer = places[place];
    places[place] = entry;
  }

  #unlink(places: (Entry | null)[], entry: Entry): boolean {
    const place = this.#place(entry.id);
    let before = places[place];
    if (before === entry) {
      places[place] = entry.sharer;
      return true;
    }
    while (before !== null && before.sharer !== entry) before = before.sharer;
    if (before === null) return false;
    before.sharer = entry.sharer;
    return true;
  }

  #grow(): void {
    const entries = this.list();
    const places = Array.from<Entry | null>({
      length: Math.max(PLACES_MIN, 2 * (this.#places?.length ?? 0)),
    }).fill(null);
    this.#places = places;
    this.#only = null;
    for (const entry of entries) this.#put(places, entry);
  }
}

const secret = randomInt(2 ** 32);

/** Every bit of the id, and of the secret, moves every bit of the answer: the finalizer of MurmurHash3. */
function mixed(id: number): number {
  let bits = id ^ secret;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}
