/**
 * A message as it is sent on a request stream. Who says how long a body is has to send as much: a body
 * of another length is a mistake of the caller, which throws and never reaches the peer as a whole.
 */
import { SallyportError } from '../../../errors.ts';
import type { ByteStream } from './byte-stream.ts';
import { malformed, type MessageKind } from './fault.ts';
import { sectionSize, type Field } from './field.ts';
import { FRAME, frame, frameHead, IDLE_FRAME } from './frames.ts';
import {
  isBodyless,
  requestSection,
  responseSection,
  trailerSection,
  type RequestHead,
  type ResponseHead,
} from './heads.ts';
import { encodeFields } from './qpack/encode.ts';

const HEAD = 0;
const BODY = 1;
const OVER = 2;

/** What a writer needs of its stream. */
export type WrittenStream = Pick<ByteStream, 'write' | 'end' | 'writable'>;

export class MessageWriter {
  readonly #kind: MessageKind;
  readonly #stream: WrittenStream;
  /** What the peer reads before a body, as it said. */
  readonly #sectionMax: number;
  #state = HEAD;
  /** Bytes of the body that are due; -1: nobody has said. */
  #due = -1;

  constructor(kind: MessageKind, stream: WrittenStream, sectionMax: number) {
    this.#kind = kind;
    this.#stream = stream;
    this.#sectionMax = sectionMax;
  }

  /** Nothing of the message has been sent, interim responses aside. */
  get unbegun(): boolean {
    return this.#state === HEAD;
  }

  get over(): boolean {
    return this.#state === OVER;
  }

  /** Sends a request's head. Throws REQUEST_INVALID or REQUEST_TOO_LONG before anything is sent. */
  request(head: RequestHead): void {
    this.#expect(HEAD);
    this.#section(requestSection(head));
    this.#due = head.contentLength ?? -1;
    this.#state = BODY;
  }

  /** Sends an interim response, which another one follows. */
  interim(head: ResponseHead): void {
    this.#expect(HEAD);
    if (head.status >= 200) throw misuse('a final response was sent as an interim one');
    this.#section(responseSection(head));
  }

  /** Sends a response's head; `method` is that of the request. Throws RESPONSE_INVALID. */
  response(head: ResponseHead, method: string): void {
    this.#expect(HEAD);
    if (head.status < 200) throw misuse('an interim response was sent as the final one');
    this.#section(responseSection(head));
    this.#due = isBodyless(method, head.status) ? 0 : (head.contentLength ?? -1);
    this.#state = BODY;
  }

  body(bytes: Buffer): void {
    this.#expect(BODY);
    if (bytes.length === 0) return;
    if (this.#due >= 0) {
      if (bytes.length > this.#due)
        throw malformed(this.#kind, 'more body than its content-length');
      this.#due -= bytes.length;
    }
    this.#stream.write(frameHead(FRAME.DATA, bytes.length));
    this.#stream.write(bytes);
  }

  end(trailers: readonly Field[]): void {
    this.#expect(BODY);
    if (this.#due > 0) throw malformed(this.#kind, `its body is ${this.#due} bytes short`);
    if (trailers.length > 0) this.#section(trailerSection(this.#kind, trailers));
    this.#state = OVER;
    // An end without bytes could be lost (see `sendEnd` of the connection): these mean nothing to the peer.
    this.#stream.write(IDLE_FRAME);
    this.#stream.end();
  }

  /** Sends nothing more. */
  leave(): void {
    this.#state = OVER;
  }

  #section(section: readonly Field[]): void {
    if (sectionSize(section) > this.#sectionMax)
      throw new SallyportError(
        this.#kind === 'request' ? 'REQUEST_TOO_LONG' : 'RESPONSE_INVALID',
        `HTTP/3 ${this.#kind}: its fields are more than the ${this.#sectionMax} bytes that the peer reads`,
      );
    this.#stream.write(frame(FRAME.HEADERS, encodeFields(section)));
  }

  #expect(state: number): void {
    if (this.#state !== state) throw misuse('a message was sent out of its order');
  }
}

function misuse(why: string): SallyportError {
  return new SallyportError('INTERNAL', `HTTP/3: ${why}`);
}
