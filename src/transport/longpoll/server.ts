/** The server's polled links: found by their ids, and what a request to one of them does. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SallyportError } from '../../errors.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  POLL_ANSWER_MAX_BYTES,
  POLL_GRACE_MS,
  POLL_HOLD_MS,
  POLL_LAST_WORDS_MAX_BYTES,
} from '../../limits.ts';
import type { Link } from '../link.ts';
import {
  encodeEnd,
  fieldNames,
  readEnd,
  readPollFields,
  type PollMethod,
  type PollWords,
} from './messages.ts';
import { PollLink, type PollCarrier } from './poll-link.ts';

export interface PollServerOptions {
  /** How long a request for bytes waits for some. Default: POLL_HOLD_MS. */
  readonly holdMs?: number;
  /** A link whose client makes no request for so long is lost. Default: POLL_GRACE_MS. */
  readonly graceMs?: number;
}

export interface OpenedPoll {
  readonly link: Link;
  /** For the client: the id and the secret of the link. */
  readonly grant: { readonly link: string; readonly secret: string };
}

export interface PollServer {
  /** A new link, for a client that was let in. */
  open(): OpenedPoll;
  /**
   * Serves a request to the link of that id. What is wrong with it is answered: 404 for an unknown
   * link, 403 for a wrong proof, 409 for a request that was seen before or bytes that leave a gap,
   * 410 after the link's end.
   */
  serve(id: string, request: IncomingMessage, response: ServerResponse): void;
  close(): void;
}

export function createPollServer(options: PollServerOptions = {}): PollServer {
  const { holdMs = POLL_HOLD_MS, graceMs = POLL_GRACE_MS } = options;
  const links = new Map<string, ServerPoll>();
  const timer = setInterval(() => {
    for (const poll of links.values()) poll.age(performance.now() - graceMs);
  }, graceMs / 4).unref();

  return {
    open() {
      const id = randomBytes(12).toString('hex');
      const poll = new ServerPoll(id, holdMs, () => void links.delete(id));
      links.set(id, poll);
      return { link: poll.link, grant: { link: id, secret: poll.secret.toString('base64url') } };
    },

    serve(id, request, response) {
      const poll = links.get(id);
      if (poll === undefined) answer(response, 404, 'LINK_LOST: no such link; open a new one\n');
      else poll.serve(request, response);
    },

    close() {
      clearInterval(timer);
      for (const poll of links.values()) poll.lose('the server closed');
    },
  };
}

class ServerPoll implements PollCarrier {
  readonly secret = randomBytes(32);
  readonly link: PollLink = new PollLink(this);
  readonly #id: string;
  readonly #holdMs: number;
  readonly #gone: () => void;
  /** Of the last request of each kind. */
  readonly #numbers: Record<PollMethod, number> = { POST: -1, GET: -1, DELETE: -1 };
  #seenAt = performance.now();
  /** The request for bytes that waits; a newer one takes its place. */
  #waiting: ServerResponse | null = null;
  #hold: NodeJS.Timeout | null = null;
  /** The answer that brings bytes, as long as not all of it has left. */
  #answering: ServerResponse | null = null;
  /** Set when no more will be sent. */
  #end: { readonly error: SallyportError | null; readonly at: number } | null = null;
  #scheduled = false;

  constructor(id: string, holdMs: number, gone: () => void) {
    this.#id = id;
    this.#holdMs = holdMs;
    this.#gone = gone;
  }

  // ---- Requests ----

  serve(request: IncomingMessage, response: ServerResponse): void {
    const method = request.method as PollMethod;
    if (!(method in this.#numbers)) return answer(response, 405, 'POST, GET or DELETE\n');
    const field = (name: string): string | undefined => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    const words = readPollFields(this.secret, method, this.#id, field);
    if (words === null) return answer(response, 403, 'the proof of the request is wrong\n');
    if (words.number <= this.#numbers[method]) return this.#conflict(response);
    this.#numbers[method] = words.number;
    this.#seenAt = performance.now();
    // An older number than one that has come already says nothing new.
    this.link.acknowledge(words.ack);
    if (method === 'POST') this.#takeBytes(words, request, response);
    else if (method === 'GET') this.#giveBytes(words, response);
    else void this.#takeEnd(request, response);
  }

  /** Tells how far the bytes of the client have come: it goes on from there. */
  #conflict(response: ServerResponse): void {
    answer(response, 409, 'out of turn\n', this.#ack);
  }

  get #ack(): Record<string, string> {
    return { [fieldNames.ack]: String(this.link.received) };
  }

  #takeBytes({ at }: PollWords, request: IncomingMessage, response: ServerResponse): void {
    let offset = at;
    request.on('data', (chunk: Buffer) => {
      this.#seenAt = performance.now();
      if (!this.link.arrived(offset, chunk)) {
        request.removeAllListeners('data').resume();
        this.#conflict(response);
      }
      offset += chunk.length;
    });
    request.on('end', () => {
      if (!response.headersSent) answer(response, 204, '', this.#ack);
    });
    request.on('error', () => {});
  }

  #giveBytes({ ack }: PollWords, response: ServerResponse): void {
    this.#answerWaiting(204);
    this.#dropAnswering(response);
    // It went astray, or came twice: what is to be sent begins where this request says.
    if (!this.link.acknowledged(ack)) return this.#conflict(response);
    this.link.rewind();
    this.#waiting = response;
    this.#hold = setTimeout(() => this.#answerWaiting(204), this.#holdMs);
    response.on('close', () => {
      if (this.#waiting === response) this.#forgetWaiting();
    });
    this.#give();
  }

  async #takeEnd(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    const late = setTimeout(() => request.destroy(), HANDSHAKE_TIMEOUT_MS);
    try {
      for await (const chunk of request.setEncoding('utf8')) {
        text += String(chunk);
        if (text.length > POLL_LAST_WORDS_MAX_BYTES) break;
      }
    } catch {
      // Its client is gone: an end all the same.
    } finally {
      clearTimeout(late);
    }
    answer(response, 204, '', this.#ack);
    this.#leave();
    this.link.lost(readEnd(text));
  }

  // ---- The link ----

  /** What is sent in one turn of the event loop leaves with one answer. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#give();
    });
  }

  shut(error: SallyportError | null): void {
    this.#end = { error, at: performance.now() };
    this.#give();
  }

  /** Answers the request that waits, if there is something to say. */
  #give(): void {
    const response = this.#waiting;
    if (response === null) return;
    if (this.link.sendable) {
      this.#forgetWaiting();
      const at = this.link.nextToSend;
      const pieces = this.link.take(POLL_ANSWER_MAX_BYTES);
      response.writeHead(200, {
        ...this.#ack,
        ...plain,
        'Content-Type': 'application/octet-stream',
        'Content-Length': pieces.reduce((sum, { length }) => sum + length, 0),
        [fieldNames.at]: String(at),
      });
      this.#answering = response;
      response.cork();
      for (const piece of pieces) response.write(piece);
      response.end();
    } else if (this.#end !== null && this.link.delivered) {
      this.#forgetWaiting();
      answer(response, 410, encodeEnd(this.#end.error), this.#ack);
      this.#leave();
    }
  }

  /**
   * Whoever asks for more on another connection has given the answer up that they were given there:
   * what it still holds would be held for nobody.
   */
  #dropAnswering({ socket }: ServerResponse): void {
    const before = this.#answering;
    this.#answering = null;
    if (before !== null && !before.writableFinished && before.socket !== socket) before.destroy();
  }

  #answerWaiting(status: 204): void {
    const response = this.#waiting;
    this.#forgetWaiting();
    if (response !== null) answer(response, status, '', this.#ack);
  }

  #forgetWaiting(): void {
    clearTimeout(this.#hold ?? undefined);
    this.#hold = null;
    this.#waiting = null;
  }

  // ---- Ends ----

  /**
   * Ends it when its client has made no request since `deadline`, on the clock of `performance.now`,
   * or has not heard the link out that was closed before then.
   */
  age(deadline: number): void {
    if (this.#waiting === null && this.#seenAt < deadline)
      this.lose('its client makes no requests any more');
    else if (this.#end !== null && this.#end.at < deadline)
      this.lose('its client does not take the end of it');
  }

  lose(why: string): void {
    this.#answerWaiting(204);
    this.#leave();
    this.link.lost(new SallyportError('LINK_LOST', `link: ${why}`));
  }

  #leave(): void {
    this.#forgetWaiting();
    this.#gone();
  }
}

/** Nothing between may keep an answer, or change it: RFC 9111, section 5.2.2.5; RFC 9110, section 7.7. */
const plain = { 'Cache-Control': 'no-store, no-transform' } as const;

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  fields: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...fields,
    ...plain,
    ...(status !== 204 && { 'Content-Length': Buffer.byteLength(body) }),
  });
  response.end(body);
}
