/** What is said when a deadline has passed. */
import { SallyportError } from '../../errors.ts';

export const headTooSlow = (): SallyportError =>
  new SallyportError('REQUEST_TIMEOUT', 'request: its head took too long to come');

export const bodyStopped = (): SallyportError =>
  new SallyportError('REQUEST_TIMEOUT', 'request: its body stopped coming');

export const bodyNotTaken = (): SallyportError =>
  new SallyportError('RESPONSE_TIMEOUT', 'request: the service stopped taking its body');

export const noResponse = (): SallyportError =>
  new SallyportError('RESPONSE_TIMEOUT', 'response: none came in time');
