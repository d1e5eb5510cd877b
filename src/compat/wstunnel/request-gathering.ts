/** Gathers the bytes of one HTTP/1.1 request until it is whole: the protocol sends nothing less. */
import { SallyportError } from '../../errors.ts';
import { BodyTracker } from '../../http1/body.ts';
import { EXPECT } from '../../http1/field-kinds.ts';
import { INCOMPLETE } from '../../http1/field-section.ts';
import { expectRequestBody } from '../../http1/framing.ts';
import { RequestHead } from '../../http1/request-head.ts';
import { HTTP_HEAD_MAX_BYTES, WSTUNNEL_MESSAGE_MAX_BYTES } from '../../limits.ts';

/** Used by one gathering at a time, within one call. */
const reader = new RequestHead();
const headEnd = '\r\n\r\n';

export class RequestGathering {
  /** Head and body as they came, in pieces. */
  readonly pieces: Buffer[] = [];
  length = 0;
  whole = false;
  /** The sender waits for leave to send the body. */
  expectsContinue = false;
  #body: BodyTracker | null = null;
  /** The last bytes that came: the head may end across two pieces. */
  #tail = '';

  /**
   * Takes bytes, which are copied; what stands behind the request is left out. Throws
   * REQUEST_BODY_TOO_LONG, or what the head is refused with.
   */
  feed(bytes: Buffer): void {
    if (this.whole) return;
    if (this.#body === null) this.#readHead(bytes);
    else this.#readBody(this.#body, bytes);
  }

  #readHead(bytes: Buffer): void {
    this.#keep(bytes);
    const seen = this.#tail + bytes.toString('latin1');
    this.#tail = seen.slice(-headEnd.length);
    // Read once, however many pieces it comes in.
    if (!seen.includes(headEnd) && this.length < HTTP_HEAD_MAX_BYTES) return;
    const gathered = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
    reader.reset();
    const after = reader.parse(gathered, 0, gathered.length);
    if (after === INCOMPLETE) return;
    if (reader.length > WSTUNNEL_MESSAGE_MAX_BYTES - after) throw tooLong();
    this.expectsContinue = reader.fields.has(EXPECT);
    const body = new BodyTracker('REQUEST_INVALID');
    expectRequestBody(body, reader);
    this.#body = body;
    this.pieces.splice(0, this.pieces.length, gathered.subarray(0, after));
    this.length = after;
    this.#readBody(body, gathered.subarray(after));
  }

  #readBody(body: BodyTracker, bytes: Buffer): void {
    const taken = body.feed(bytes, 0, bytes.length);
    if (taken > 0) this.#keep(bytes.subarray(0, taken));
    this.whole = body.done;
  }

  #keep(bytes: Buffer): void {
    this.length += bytes.length;
    if (this.length > WSTUNNEL_MESSAGE_MAX_BYTES) throw tooLong();
    this.pieces.push(Buffer.from(bytes));
  }
}

function tooLong(): SallyportError {
  const why = `an agent of WStunnel takes requests of up to ${WSTUNNEL_MESSAGE_MAX_BYTES} bytes`;
  return new SallyportError('REQUEST_BODY_TOO_LONG', `request: ${why}`);
}
