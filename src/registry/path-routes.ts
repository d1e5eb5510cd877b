/** The routes of one host: one for each path prefix. */
import type { ConsumerAuth } from '../access/consumer-password.ts';
import { SallyportError } from '../errors.ts';

/** Where a request goes and what is done to it on the way. */
export interface Route {
  readonly service: string;
  /** Line to send instead of the client's Host line. */
  readonly hostLine: Buffer | null;
  readonly consumerAuth: ConsumerAuth | null;
}

interface Prefix {
  readonly path: string;
  readonly bytes: Buffer;
  route: Route;
  /** How many have added it and not taken it away. */
  holders: Route[];
}

const SLASH = 0x2f;
const QUESTION = 0x3f;

export class PathRoutes {
  /** The longest prefix first. */
  #prefixes: Prefix[] = [];
  /** The route of `/`, which matches all that no longer prefix does. */
  whole: Route | null = null;

  get empty(): boolean {
    return this.#prefixes.length === 0;
  }

  /** Every prefix with the service it leads to, the longest first. */
  list(): { path: string; service: string }[] {
    return this.#prefixes.map(({ path, route }) => ({ path, service: route.service }));
  }

  /** `path` is `/` or has no slash at its end. `what` names the place in a refusal: HOST_TAKEN. */
  add(path: string, route: Route, what: string): () => void {
    let prefix = this.#prefixes.find((p) => p.path === path);
    if (prefix === undefined) {
      prefix = { path, bytes: Buffer.from(path), route, holders: [] };
      this.#prefixes = [...this.#prefixes, prefix].toSorted(
        (a, b) => b.path.length - a.path.length,
      );
    } else if (prefix.route.service !== route.service) {
      throw new SallyportError('HOST_TAKEN', `${what}: it is held by another service`);
    }
    const added = { ...route };
    prefix.holders.push(added);
    this.#update(prefix);
    return () => this.#remove(prefix, added);
  }

  #remove(prefix: Prefix, added: Route): void {
    prefix.holders = prefix.holders.filter((holder) => holder !== added);
    this.#update(prefix);
  }

  #update(prefix: Prefix): void {
    const newest = prefix.holders.at(-1);
    if (newest !== undefined) prefix.route = newest;
    else this.#prefixes = this.#prefixes.filter((p) => p !== prefix);
    this.whole = this.#prefixes.find((p) => p.path === '/')?.route ?? null;
  }

  /** The route of the raw path at `[start, end)`; it stops before the query. */
  match(bytes: Uint8Array, start: number, end: number): Route | null {
    for (const prefix of this.#prefixes) {
      if (prefix.path !== '/' && begins(bytes, start, end, prefix.bytes)) return prefix.route;
    }
    return this.whole;
  }
}

function begins(bytes: Uint8Array, start: number, end: number, prefix: Buffer): boolean {
  const after = start + prefix.length;
  if (after > end || (after < end && bytes[after] !== SLASH && bytes[after] !== QUESTION))
    return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}
