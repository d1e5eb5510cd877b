/** What is said when a deadline has passed. */
import { SallyportError } from '../../errors.ts';

export const head = (): SallyportError =>
  new SallyportError('REQUEST_TIMEOUT', 'request: its head took too long to come');

export const body = (): SallyportError =>
  new SallyportError('REQUEST_TIMEOUT', 'request: its body stopped coming');

export const bodyNotTaken = (): SallyportError =>
  new SallyportError('RESPONSE_TIMEOUT', 'request: the service stopped taking its body');

export const response = (): SallyportError =>
  new SallyportError('RESPONSE_TIMEOUT', 'response: none came in time');
