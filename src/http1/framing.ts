/** Which body follows a head; RFC 9112, section 6.3. */
import type { BodyTracker } from './body.ts';
import type { Method } from './methods.ts';
import { responseRefusals } from './refusals.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

export function expectRequestBody(body: BodyTracker, head: RequestHead): void {
  if (head.chunked) body.expectChunked();
  else body.expectLength(Math.max(head.length, 0));
}

/**
 * The body of a final response to a request by that method; `old` tells whether it was HTTP/1.0.
 * Answers whether its end shows without the connection's. Throws RESPONSE_INVALID.
 */
export function expectResponseBody(
  body: BodyTracker,
  head: ResponseHead,
  method: Method,
  old: boolean,
): boolean {
  if (method.headOnly || head.status === 204 || head.status === 304) {
    body.expectLength(0);
  } else if (head.chunked) {
    if (old) throw responseRefusals.invalid('a chunked body in answer to an HTTP/1.0 request');
    body.expectChunked();
  } else if (head.length >= 0) {
    body.expectLength(head.length);
  } else {
    body.expectUntilClose();
    return false;
  }
  return true;
}
