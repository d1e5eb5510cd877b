/**
 * The changes of a list as server-sent events (HTML Standard, section 9.2). A reader that does not
 * keep up is cut off, and has the list to start from again.
 */
import { CALLBACK_READER_BACKLOG_BYTES, CALLBACK_READER_COMMENT_MS } from '../../limits.ts';
import type { Wire, WireReader } from '../../net/wire.ts';
import type { Listing } from './listing.ts';

const head = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n' +
    // Said by the protocol; the stream ends with its connection all the same.
    'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nX-Accel-Buffering: no\r\n\r\n',
);

/** The name that the protocol has for its events, of whatever kind. */
const EVENT = 'boot';

export class ChangesReader implements WireReader {
  #wire: Wire;
  #timer: NodeJS.Timeout;
  #unfollow: () => void;
  #closed: (reader: ChangesReader) => void;

  /** Takes the wire over and answers at once; `closed` is the last that is heard of it. */
  constructor(wire: Wire, listing: Listing, closed: (reader: ChangesReader) => void) {
    this.#wire = wire;
    this.#closed = closed;
    wire.reader = this;
    wire.write(head);
    this.#unfollow = listing.follow((json) => this.#send(`event: ${EVENT}\ndata: ${json}\n\n`));
    this.#timer = setInterval(() => this.#send(':\n\n'), CALLBACK_READER_COMMENT_MS).unref();
  }

  #send(text: string): void {
    this.#wire.write(Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`));
    if (this.#wire.backlog > CALLBACK_READER_BACKLOG_BYTES) this.#wire.destroy();
  }

  /** No more is told. */
  end(): void {
    this.#stop();
    this.#wire.write(Buffer.from('0\r\n\r\n'));
    this.#wire.endAndDestroy();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#unfollow();
  }

  /** A reader has nothing more to say. */
  read(): boolean {
    return true;
  }

  ended(): void {
    this.#wire.destroy();
  }

  closed(): void {
    this.#stop();
    this.#closed(this);
  }
}
