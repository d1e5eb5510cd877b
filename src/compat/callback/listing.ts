/**
 * One of the two lists: who is connected now, and every change of that with its number. The number in
 * the list is that of its last change, so that whoever reads both misses nothing and sees nothing twice.
 */

/** What the changes are called in the events. */
export type Change = 'connected' | 'updated' | 'disconnected';

/** The fields of one entry, in the order and under the names of the protocol. */
export type Fields = Readonly<Record<string, string | number>>;

export interface Listing {
  /** Number of the last change; 32 bits wide. */
  readonly sequence: number;
  /** Somebody follows. */
  readonly followed: boolean;
  /** `describe` is asked whenever the entry is told of: its counts are those of that moment. */
  add(key: string, describe: () => Fields): void;
  changed(key: string): void;
  remove(key: string): void;
  /** Oldest first. */
  entries(): Fields[];
  /** Calls back with the JSON of each change from now on. Returns what ends it. */
  follow(listener: (json: string) => void): () => void;
}

export function createListing(): Listing {
  const entries = new Map<string, () => Fields>();
  const listeners = new Set<(json: string) => void>();
  let sequence = 0;

  function tell(change: Change, fields: Fields): void {
    sequence = (sequence + 1) >>> 0;
    if (listeners.size === 0) return;
    const event = { event_type: change, sequence_num: sequence, ...fields };
    const json = JSON.stringify(event);
    for (const listener of listeners) listener(json);
  }

  return {
    get sequence() {
      return sequence;
    },
    get followed() {
      return listeners.size > 0;
    },
    add(key, describe) {
      entries.set(key, describe);
      tell('connected', describe());
    },
    changed(key) {
      const describe = entries.get(key);
      if (describe !== undefined) tell('updated', describe());
    },
    remove(key) {
      const describe = entries.get(key);
      if (!entries.delete(key)) return;
      tell('disconnected', describe!());
    },
    entries: () => [...entries.values()].map((describe) => describe()),
    follow(listener) {
      const own = (json: string): void => listener(json);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
