/**
 * What the public is told about a failure behind the server. The agent's own words may hold
 * addresses, names and paths of its network: they are for logs, and for consumers with a token.
 */
import { SallyportError, type ErrorCode } from '../../errors.ts';
import type { Caller } from '../../registry/gate.ts';

const inGeneral: Partial<Record<ErrorCode, string>> = {
  AUTH_FAILED: 'the credentials are good no more',
  DENIED: 'the request may not pass any more',
  TARGET_DENIED: 'its agent does not allow this target',
  TARGET_REFUSED: 'its target refused the connection',
  TARGET_UNREACHABLE: 'its target cannot be reached',
  TARGET_TIMEOUT: 'its target did not take the connection in time',
  TARGET_TLS: 'no TLS connection with its target',
  TARGET_CLOSED: 'its target closed the connection',
  SERVICE_UNKNOWN: 'its agent does not offer it any more',
  KICKED: 'an operator of the server ended it',
  SERVER_DRAINING: 'the connection of its agent is closing',
  STREAM_RESET: 'the request was broken off on the way to its target',
  SESSION_CLOSED: 'the connection of its agent has ended',
  LINK_LOST: 'the connection of its agent broke',
  HEARTBEAT_LOST: 'its agent has gone silent',
};

/** The error for the public, same code, that has the full one as its cause, for the log. */
export function publicFault(service: string, error: SallyportError): SallyportError {
  const what = inGeneral[error.code] ?? 'its agent could not pass the request on';
  const { code, http } = error;
  return new SallyportError(code, `service ${service}: ${what}`, { cause: error, http });
}

/**
 * The error for whom the gate or a limit refused. Which rule it was, which script, what of it failed,
 * and who it is whose agents offer the service, is for the log, and for those who have said who they are.
 */
export function publicRefusal(
  service: string,
  caller: Caller,
  error: SallyportError,
): SallyportError {
  const what = caller === null ? refusalInGeneral(error) : null;
  if (what === null) return error;
  return new SallyportError(error.code, `service ${service}: ${what}`, { cause: error });
}

/** Null for what may be told as it is. */
function refusalInGeneral({ code, message }: SallyportError): string | null {
  if (code === 'DENIED') return 'the policy of the server does not let the request pass';
  const limit = code === 'LIMIT_REACHED' || code === 'RATE_LIMITED';
  return limit && message.startsWith('identity ') ? 'whoever offers it is at a limit' : null;
}
