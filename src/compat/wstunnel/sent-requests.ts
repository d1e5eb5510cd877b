/**
 * Requests that were sent and are not answered yet, by the ids of their messages. A table in which an
 * entry comes and goes with every request, so it is an array that stays (see net/chain.ts). Ids are
 * counted on, as in the original: one that was answered is not used again soon, so that a second answer
 * meets nobody.
 */
import { WSTUNNEL_ABANDONED_MAX, WSTUNNEL_IDS } from '../../limits.ts';

export interface Sent {
  /** Of its message. */
  messageId: number;
}

/** At least half of the places are free, so that the next free id is near. */
const PLACES_MIN = 16;

export class SentRequests<Request extends Sent> {
  /** An id stands at its remainder: a request, or the bare id of one that was given up. */
  #places: (Request | number | undefined)[] = [];
  #size = 0;
  #nextId = 1;

  /** Gives the request its id. Beyond WSTUNNEL_ABANDONED_MAX the oldest that was given up is forgotten. */
  add(request: Request): number {
    if (this.#size >= WSTUNNEL_ABANDONED_MAX) this.#forgetOldest();
    if (2 * (this.#size + 1) > this.#places.length) this.#grow();
    let id = this.#next();
    while (this.#places[id % this.#places.length] !== undefined) id = this.#next();
    this.#places[id % this.#places.length] = request;
    this.#size++;
    request.messageId = id;
    return id;
  }

  /** Null: nobody waits for this answer. */
  find(id: number): Request | null {
    const found = this.#places[id % this.#places.length];
    return typeof found === 'object' && found.messageId === id ? found : null;
  }

  /** Nobody waits for the answer any more, which may come all the same: the id stays taken until then. */
  abandon(request: Request): void {
    if (this.find(request.messageId) === request)
      this.#places[request.messageId % this.#places.length] = request.messageId;
  }

  /** The answer has come. */
  delete(id: number): void {
    const place = id % this.#places.length;
    const found = this.#places[place];
    if (found === undefined || idOf(found) !== id) return;
    this.#places[place] = undefined;
    this.#size--;
  }

  #next(): number {
    const id = this.#nextId;
    this.#nextId = (id + 1) % WSTUNNEL_IDS;
    return id;
  }

  #grow(): void {
    const before = this.#places;
    // Twice as many: what stood in different places does so again.
    const places = Math.max(PLACES_MIN, 2 * before.length);
    this.#places = Array.from({ length: places });
    for (const found of before) if (found !== undefined) this.#places[idOf(found) % places] = found;
  }

  #forgetOldest(): void {
    const age = (id: number): number =>
      (this.#nextId - id + WSTUNNEL_IDS) % WSTUNNEL_IDS || WSTUNNEL_IDS;
    let oldest: number | null = null;
    for (const found of this.#places)
      if (typeof found === 'number' && (oldest === null || age(found) > age(oldest)))
        oldest = found;
    if (oldest !== null) this.delete(oldest);
  }
}

function idOf(found: Sent | number): number {
  return typeof found === 'number' ? found : found.messageId;
}
