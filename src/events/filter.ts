/** Which events somebody wants to hear of. */
import { createGlobs } from '../net/glob.ts';
import type { EventType, SallyportEvent } from './event.ts';

/**
 * Globs; each list that is given has to have one that matches. An event that names no service passes
 * no `services`, and one that names no identity no `identities`.
 */
export interface EventFilterOptions {
  /** Such as `stream.*`. */
  readonly types?: readonly string[];
  readonly services?: readonly string[];
  readonly identities?: readonly string[];
}

export type EventFilter = (event: SallyportEvent) => boolean;

export function createEventFilter(options: EventFilterOptions = {}): EventFilter {
  const type = remembering(createMatch(options.types));
  const service = createMatch(options.services);
  const identity = createMatch(options.identities);
  return (event) =>
    type(event.type) &&
    service('service' in event ? event.service : null) &&
    identity('identity' in event ? event.identity : null);
}

/** Types are few, and asked about for every event. */
function remembering(match: (type: EventType) => boolean): (type: EventType) => boolean {
  const known = new Map<EventType, boolean>();
  return (type) => {
    const found = known.get(type) ?? match(type);
    known.set(type, found);
    return found;
  };
}

function createMatch(patterns: readonly string[] | undefined): (text: string | null) => boolean {
  if (patterns === undefined) return () => true;
  const { match } = createGlobs(patterns);
  return (text) => text !== null && match(text);
}
