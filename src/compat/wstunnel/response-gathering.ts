/**
 * Gathers the response of a target into one message; in place, where its length is known beforehand.
 * What it keeps is asked for first: a target that announces much and sends little costs what it announced.
 */
import http from 'node:http';
import { SallyportError } from '../../errors.ts';
import { WSTUNNEL_MESSAGE_MAX_BYTES } from '../../limits.ts';
import { freeOwnMemory } from './own-memory.ts';
import { responseMessage, type Message } from './response-message.ts';

/** Of one connection. The length is written anew. */
const notPassedOn: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
]);

const BODY_MAX_BYTES = WSTUNNEL_MESSAGE_MAX_BYTES - http.maxHeaderSize;

export class ResponseGathering {
  readonly #id: number;
  readonly #response: http.IncomingMessage;
  readonly #keep: (bytes: number) => void;
  /** There is no body, whatever the fields say. */
  readonly #bare: boolean;
  #whole: Message | null = null;
  #pieces: Buffer[] = [];
  #length = 0;

  /** `keep` is told of bytes before they are kept, and throws when they may not be. */
  constructor(
    id: number,
    method: string,
    response: http.IncomingMessage,
    keep: (bytes: number) => void,
  ) {
    const { statusCode } = response;
    this.#id = id;
    this.#response = response;
    this.#keep = keep;
    this.#bare = method === 'HEAD' || statusCode === 204 || statusCode === 304;
  }

  /** Looks at the head. Throws RESPONSE_INVALID for a length that no message can hold, and what `keep` does. */
  begin(): void {
    const length = Number(this.#response.headers['content-length'] ?? NaN);
    if (this.#bare || Number.isNaN(length)) return;
    if (length > BODY_MAX_BYTES) throw tooLong();
    this.#keep(length);
    this.#whole = responseMessage(this.#id, this.#head(length), length);
  }

  /** Nobody else reads the piece. Throws RESPONSE_INVALID when it is too long, and what `keep` does. */
  take(piece: Buffer): void {
    if (this.#length + piece.length > BODY_MAX_BYTES) throw tooLong();
    if (this.#whole === null) {
      this.#keep(piece.length);
      this.#pieces.push(piece);
      this.#length += piece.length;
      return;
    }
    piece.copy(this.#whole.bytes, this.#whole.bodyStart + this.#length);
    this.#length += piece.length;
    freeOwnMemory(piece);
  }

  /** When the body is whole. */
  message(): Buffer {
    if (this.#whole !== null) return this.#whole.bytes;
    const { bytes, bodyStart } = responseMessage(this.#id, this.#head(this.#length), this.#length);
    let at = bodyStart;
    for (const piece of this.#pieces) at += piece.copy(bytes, at);
    return bytes;
  }

  #head(length: number): string[] {
    const { statusCode = 502, statusMessage = '', rawHeaders, headers } = this.#response;
    const hop = new Set(headers.connection?.toLowerCase().split(/[ \t]*,[ \t]*/));
    const head = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
    if (!this.#bare) head.push(`Content-Length: ${length}`);
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at].toLowerCase();
      if (notPassedOn.has(name) || hop.has(name)) continue;
      if (name !== 'content-length' || this.#bare)
        head.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
    }
    return head;
  }
}

function tooLong(): SallyportError {
  const why = `a tunnel of WStunnel takes up to ${WSTUNNEL_MESSAGE_MAX_BYTES} bytes`;
  return new SallyportError('RESPONSE_INVALID', `response: it is too long: ${why}`);
}
