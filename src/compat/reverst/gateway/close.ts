/** How a client is told, in the words of the originals, that it is refused or let go of. */
import type { ErrorCode, SallyportError } from '../../../errors.ts';

export interface Close {
  readonly code: number;
  readonly reason: string;
}

export const stopping: Close = { code: 0x0, reason: 'server closing down' };
/** Clients of the latest version take this for final, the others dial again. */
const unauthorized: Close = { code: 0x2, reason: 'unauthorized' };
const notFound: Close = { code: 0x1, reason: 'not found' };

const known: Partial<Record<ErrorCode, Close>> = {
  AUTH_REQUIRED: unauthorized,
  AUTH_FAILED: unauthorized,
  DENIED: unauthorized,
  KICKED: unauthorized,
  SERVICE_UNKNOWN: notFound,
  SERVER_DRAINING: stopping,
};

/** `null`: ended in order. What has no words of theirs is an error after which clients dial again. */
export function closeOf(error: SallyportError | null): Close {
  if (error === null) return stopping;
  return known[error.code] ?? { code: 0x1, reason: error.message };
}
