/** Objects that are followed for whoever reads an entry of them: one watch for each object. */
import type { SallyportError } from '../../../errors.ts';
import type { ClusterPath } from '../cluster-path.ts';
import { createComplaint } from '../complaint.ts';
import type { ClusterAccess } from './access.ts';
import type { ClusterObject } from './cluster-object.ts';
import { followObject } from './object-watch.ts';

export interface ObjectReader {
  /** The object as it is; null: there is none. Also when it has not changed. */
  read(object: ClusterObject | null): void;
  /** It cannot be looked at. Once for each reason. */
  trouble(error: SallyportError): void;
}

interface Followed {
  readonly readers: Set<ObjectReader>;
  readonly ended: AbortController;
  /** Undefined: not known yet. */
  object: ClusterObject | null | undefined;
}

export interface ObjectWatches {
  /** What is known already is told from inside of the call. Returns what ends it. */
  follow(path: ClusterPath, reader: ObjectReader): () => void;
  close(): void;
}

export function createObjectWatches(access: ClusterAccess): ObjectWatches {
  const all = new Map<string, Followed>();

  function start(path: ClusterPath): Followed {
    const followed: Followed = {
      readers: new Set(),
      ended: new AbortController(),
      object: undefined,
    };
    const trouble = createComplaint((error) => {
      for (const reader of followed.readers) reader.trouble(error);
    });
    const events = {
      is(object: ClusterObject | null) {
        followed.object = object;
        for (const reader of followed.readers) reader.read(object);
      },
      trouble: trouble.over,
      stood: trouble.settled,
    };
    void followObject(access, path, events, followed.ended.signal);
    return followed;
  }

  return {
    follow(path, reader) {
      const key = [path.kind, path.namespace, path.name].join('/');
      const followed = all.get(key) ?? start(path);
      all.set(key, followed);
      followed.readers.add(reader);
      if (followed.object !== undefined) reader.read(followed.object);
      return () => {
        followed.readers.delete(reader);
        if (followed.readers.size > 0 || all.get(key) !== followed) return;
        all.delete(key);
        followed.ended.abort();
      };
    },
    close() {
      for (const { ended } of all.values()) ended.abort();
      all.clear();
    },
  };
}
