/** What one identity, or one service, may use. What is absent is not limited. */
export interface Quota {
  /** Sessions of an identity; agents that offer a service. Both at once. */
  readonly connections?: number;
  /** Names that an identity may have registered at once. A service has one. */
  readonly names?: number;
  /** Streams open at once: those that an identity opened or serves, or those of a service. */
  readonly streams?: number;
  /** HTTP requests a second. */
  readonly requests?: number;
  /** Bytes a second from consumers to services, in all streams together; and back. */
  readonly up?: number;
  readonly down?: number;
}

/** What is set in `own` counts, the rest is as in `common`. Null where nothing is limited. */
export function quotaOf(own: Quota | undefined, common: Quota | undefined): Quota | null {
  const quota = { ...common, ...own };
  return Object.keys(quota).length === 0 ? null : quota;
}
