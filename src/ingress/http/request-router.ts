/** Decides, once for each request, which service gets it and what of the head was for us only. */
import { X_TOKEN } from '../../http1/field-kinds.ts';
import { forwardedHost } from '../../http1/forwarded-host.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import { requestRefusals } from '../../http1/refusals.ts';
import { canonicalHost } from '../../net/host.ts';
import type { PathRoutes, Route } from '../../registry/path-routes.ts';
import type { Routes } from '../../registry/routes.ts';

const tokenPrefix = Buffer.from('/_token/');
const SLASH = 0x2f;
/** No version of routes. */
const NEVER = -1;

/** One for each client connection: it remembers the host, which hardly ever changes. */
export class RequestRouter {
  /** Host as in the Host field; empty without one. */
  hostValue = '';
  /** The canonical name that is routed by: of the Host field, or of the one that a proxy names. */
  host = '';
  /** Null: nobody's. Then `held` tells whether a service holds the host all the same. */
  route: Route | null = null;
  held = false;
  /** Where the target for the service begins: behind a token that was for us. */
  targetFrom = 0;
  /** The X-Token field was for us. */
  dropToken = false;
  readonly #routes: Routes;
  readonly #forwarded: boolean;
  /** The canonical name of `hostValue`. */
  #name = '';
  #version = NEVER;
  #hostBytes: Buffer = Buffer.alloc(0);
  #hostRoutes: readonly PathRoutes[] | null = null;

  /** `forwarded`: X-Forwarded-Host goes before the Host field, since its sender is believed. */
  constructor(routes: Routes, forwarded: boolean) {
    this.#routes = routes;
    this.#forwarded = forwarded;
  }

  /**
   * Decides about a head. Answers whether the Host value is another than before. Throws
   * REQUEST_INVALID when two tokens disagree, or a proxy names what is no host.
   */
  decide(head: RequestHead, bytes: Buffer, base: number): boolean {
    const changed = this.#lookUpHost(head, bytes, base);
    if (this.#forwarded) this.#lookUpForwarded(head, bytes, base);
    this.targetFrom = head.pathStart;
    this.dropToken = false;
    this.held = this.#hostRoutes !== null;
    this.route = this.#byToken(head, bytes, base) ?? this.#byHost(head, bytes, base);
    return changed;
  }

  #lookUpHost(head: RequestHead, bytes: Buffer, base: number): boolean {
    const same = this.#sameHost(head, bytes, base);
    if (same && this.#version === this.#routes.version) return false;
    if (!same) {
      this.#hostBytes = Buffer.from(bytes.subarray(base + head.hostStart, base + head.hostEnd));
      this.hostValue = this.#hostBytes.toString('latin1');
      const name = this.hostValue.slice(0, head.hostNameEnd - head.hostStart).toLowerCase();
      this.#name = name.startsWith('[') ? (canonicalHost(name) ?? name) : name;
    }
    this.host = this.#name;
    this.#version = this.#routes.version;
    this.#hostRoutes = this.#routes.byHost(this.host);
    return !same;
  }

  #lookUpForwarded(head: RequestHead, bytes: Buffer, base: number): void {
    const host = forwardedHost(head.fields, bytes, base);
    if (host === null) return;
    this.host = host;
    this.#hostRoutes = this.#routes.byHost(host);
    // The next request may be for the Host field again.
    this.#version = NEVER;
  }

  #sameHost(head: RequestHead, bytes: Buffer, base: number): boolean {
    const known = this.#hostBytes;
    if (head.hostEnd - head.hostStart !== known.length) return false;
    const start = base + head.hostStart;
    for (let i = 0; i < known.length; i++) if (bytes[start + i] !== known[i]) return false;
    return true;
  }

  #byHost(head: RequestHead, bytes: Buffer, base: number): Route | null {
    const routes = this.#hostRoutes;
    if (routes === null) return null;
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i].match(bytes, base + head.pathStart, base + head.line.pathEnd);
      if (route !== null) return route;
    }
    return null;
  }

  /** The path prefixes of the server itself: what is left when nothing of its own matched either. */
  byOwnPath(head: RequestHead, bytes: Buffer, base: number): Route | null {
    const paths = this.#routes.ownPaths(this.host);
    return paths?.match(bytes, base + head.pathStart, base + head.line.pathEnd) ?? null;
  }

  /**
   * A token that leads to a service is ours and goes no further. One that leads nowhere is not a
   * token: on the host of a service it is that service's business.
   */
  #byToken(head: RequestHead, bytes: Buffer, base: number): Route | null {
    const { fields, line } = head;
    const inField = fields.has(X_TOKEN);
    const inPath = this.#hasTokenPath(head, bytes, base);
    if (!inField && !inPath) return null;
    const field = inField ? fields.text(bytes, base, fields.position(X_TOKEN)) : null;
    const start = head.pathStart + tokenPrefix.length;
    const end = inPath ? segmentEnd(bytes, base + start, base + line.pathEnd) - base : 0;
    const path = inPath ? bytes.toString('latin1', base + start, base + end) : null;
    if (field !== null && path !== null && field !== path) {
      throw requestRefusals.invalid('the token in X-Token is not the one in the path');
    }
    const route = this.#routes.byToken((field ?? path)!);
    // Behind an unknown token the rest is cut off as well where no service holds the host: for the log.
    if (inPath && end > start && (route !== null || !this.held)) this.targetFrom = end;
    this.dropToken = inField && route !== null;
    return route;
  }

  #hasTokenPath(head: RequestHead, bytes: Buffer, base: number): boolean {
    if (head.line.pathEnd - head.pathStart < tokenPrefix.length) return false;
    for (let i = 0; i < tokenPrefix.length; i++) {
      if (bytes[base + head.pathStart + i] !== tokenPrefix[i]) return false;
    }
    return true;
  }
}

function segmentEnd(bytes: Buffer, start: number, end: number): number {
  let i = start;
  while (i < end && bytes[i] !== SLASH) i++;
  return i;
}
