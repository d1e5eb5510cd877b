/** The body of one request, gathered as a whole: bounded, and as strict about its framing as the ingress. */
import { SallyportError } from '../errors.ts';
import { BodyTracker } from '../http1/body.ts';
import { dechunk } from '../http1/dechunk.ts';
import { CONTROL_BODY_MAX_BYTES } from '../limits.ts';

/** As the head says: Content-Length (-1 without it), or chunked. */
export interface Framing {
  readonly length: number;
  readonly chunked: boolean;
}

export class RequestBody {
  readonly #tracker = new BodyTracker('REQUEST_INVALID');
  readonly #chunked: boolean;
  #pieces: Buffer[] = [];
  #length = 0;

  /** Throws REQUEST_BODY_TOO_LONG when the head says so already. */
  constructor({ length, chunked }: Framing) {
    this.#chunked = chunked;
    if (chunked) this.#tracker.expectChunked();
    else this.#tracker.expectLength(Math.max(length, 0));
    if (length > CONTROL_BODY_MAX_BYTES) throw tooLong();
  }

  get done(): boolean {
    return this.#tracker.done;
  }

  /** Takes what arrived, without what stands behind the body. Throws REQUEST_INVALID or REQUEST_BODY_TOO_LONG. */
  feed(bytes: Buffer, start: number, end: number): void {
    const taken = this.#tracker.feed(bytes, start, end);
    if (taken === 0) return;
    this.#length += taken;
    if (this.#length > CONTROL_BODY_MAX_BYTES) throw tooLong();
    this.#pieces.push(Buffer.from(bytes.subarray(start, start + taken)));
  }

  /** All of it, once it is `done`. */
  bytes(): Buffer<ArrayBuffer> {
    const raw = Buffer.concat(this.#pieces);
    return Buffer.from(this.#chunked ? dechunk(raw) : raw);
  }
}

function tooLong(): SallyportError {
  return new SallyportError(
    'REQUEST_BODY_TOO_LONG',
    `control: a request body has ${CONTROL_BODY_MAX_BYTES} bytes at most`,
  );
}
