/** The first message of a plain link, in each direction, before a session takes the link over. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { CONTROL_MESSAGE_MAX_BYTES } from '../../limits.ts';
import { HEADROOM, type Slab } from '../../net/slab.ts';
import type { Link, LinkReceiver } from '../../transport/link.ts';

export function sendFirst(link: Link, value: unknown): void {
  const bytes = Buffer.concat([Buffer.alloc(HEADROOM), Buffer.from(JSON.stringify(value))]);
  link.send(bytes, HEADROOM, bytes.length);
}

/** The receiver that reads one message. `message` may hand the link on; a throw of its closes the link. */
export class FirstMessage implements LinkReceiver {
  #link: Link;
  #message: (value: unknown) => void;
  #closed: (error: SallyportError | null) => void;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(
    link: Link,
    message: (value: unknown) => void,
    closed: (error: SallyportError | null) => void,
  ) {
    this.#link = link;
    this.#message = message;
    this.#closed = closed;
  }

  bytes(slab: Slab, start: number, end: number): void {
    this.#length += end - start;
    if (this.#length > CONTROL_MESSAGE_MAX_BYTES) {
      this.#link.close(new SallyportError('PROTOCOL_MESSAGE', 'quic: a greeting that is too long'));
      return;
    }
    this.#pieces.push(Buffer.from(slab.bytes.subarray(start, end)));
  }

  messageEnded(): void {
    try {
      this.#message(JSON.parse(Buffer.concat(this.#pieces).toString()));
    } catch (thrown) {
      this.#link.close(asSallyportError(thrown));
    }
  }

  closed(error: SallyportError | null): void {
    this.#closed(error);
  }
}
