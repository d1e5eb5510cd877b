/** The names of services. Safe as a map key, a log field, a path segment and on a terminal. */
import { SERVICE_NAME_MAX_CHARS } from '../limits.ts';

/** 1 to SERVICE_NAME_MAX_CHARS letters, digits, dots, underscores and hyphens; case counts. */
export function isServiceName(text: string): boolean {
  return text.length <= SERVICE_NAME_MAX_CHARS && /^[A-Za-z0-9._-]+$/.test(text);
}

/** The service whose targets the server dials itself, each named by the consumer. */
export const DIRECT_SERVICE = 'direct';
