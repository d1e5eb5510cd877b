/** Which of the protocol's endpoints a path is. Paths are compared as received; ids are decoded once. */
import { isServiceName } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

export type ListName = 'callback' | 'connect';

export type Endpoint =
  | { readonly kind: 'list' | 'changes'; readonly list: ListName }
  /** A WebSocket: `callback` registers the id, `connect` reaches it. `id` is not decoded. */
  | { readonly kind: 'tunnel'; readonly list: ListName; readonly id: string };

const root = '/api/v1/';

/** Null: none of ours. `path` begins behind the context path. */
export function findEndpoint(path: string): Endpoint | null {
  if (!path.startsWith(root)) return null;
  const [first, second, third] = path.slice(root.length).split('/');
  if (first === 'events' && isList(second) && third === undefined)
    return { kind: 'changes', list: second };
  if (!isList(first)) return null;
  if (second === undefined) return { kind: 'list', list: first };
  return third === undefined && second !== '' ? { kind: 'tunnel', list: first, id: second } : null;
}

/** Below an endpoint of ours, and none itself: nobody else's either. */
export function isBelowEndpoint(path: string): boolean {
  return /^\/api\/v1\/(?:events\/)?(?:callback|connect)\//.test(path);
}

function isList(name: string | undefined): name is ListName {
  return name === 'callback' || name === 'connect';
}

/**
 * An id as it names its service. Throws NAME_INVALID: an id is a service of the server like any other,
 * and stands in its logs and on its terminals.
 */
export function readId(segment: string): string {
  const id = decoded(segment);
  if (id !== null && isServiceName(id)) return id;
  throw new SallyportError('NAME_INVALID', `callback ${quoted(id ?? segment)}: not a valid id`);
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** Throws CONFIG_INVALID unless it is empty or plain segments, each behind a slash. */
export function checkContextPath(path: string): void {
  if (/^(?:\/[A-Za-z0-9._~-]+)*$/.test(path)) return;
  const why = 'must be empty, or begin with a slash and hold plain segments without one at its end';
  throw new SallyportError('CONFIG_INVALID', `context path ${quoted(path)}: ${why}`);
}
