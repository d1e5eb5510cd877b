/** How the end of a link names an error to the other end: `CODE: message`. */
import { isErrorCode, SallyportError } from '../errors.ts';

export function closeReason(error: SallyportError): string {
  return `${error.code}: ${error.message}`;
}

/** The error a peer named; LINK_LOST with `otherwise` when it named none of ours. */
export function namedError(reason: string, otherwise: string): SallyportError {
  const colon = reason.indexOf(': ');
  const name = reason.slice(0, colon);
  if (colon > 0 && isErrorCode(name)) return new SallyportError(name, reason.slice(colon + 2));
  return new SallyportError('LINK_LOST', `link: the peer closed it: ${reason || otherwise}`);
}
