/**
 * The client's end of a polled link: one request that waits for bytes, and one after the other that
 * brings some. A request that fails is made again, for as long as the server keeps the link.
 */
import { SallyportError } from '../../errors.ts';
import {
  CLOSE_FLUSH_MS,
  HANDSHAKE_TIMEOUT_MS,
  POLL_GRACE_MS,
  POLL_HOLD_MS,
  POLL_REQUEST_MAX_BYTES,
  POLL_REQUEST_MIN_BYTES,
  POLL_REQUEST_SLOW_MS,
  POLL_REQUEST_START_BYTES,
} from '../../limits.ts';
import { createBackoff } from '../../net/backoff.ts';
import type { Link } from '../link.ts';
import {
  encodeEnd,
  fieldNames,
  pollFields,
  readEnd,
  readOffset,
  type PollMethod,
} from './messages.ts';
import { PollLink, type PollCarrier } from './poll-link.ts';
import type { PollAnswer, PollRequests } from './requests.ts';

export interface PollClientOptions {
  readonly requests: PollRequests;
  /** Of the link, as the server granted it. */
  readonly id: string;
  readonly secret: Buffer;
  /** How long requests may fail before the link is lost. Default: POLL_GRACE_MS. */
  readonly graceMs?: number;
}

/** The link of a grant. It makes its first request at once. */
export function openPollClient(options: PollClientOptions): Link {
  const client = new ClientPoll(options);
  client.start();
  return client.link;
}

class ClientPoll implements PollCarrier {
  readonly link: PollLink = new PollLink(this);
  readonly #options: PollClientOptions;
  readonly #graceMs: number;
  readonly #numbers: Record<PollMethod, number> = { POST: 0, GET: 0, DELETE: 0 };
  /** Ends every request and every pause. */
  readonly #ending = new AbortController();
  /** Set while the upward loop has nothing to do. */
  #idle: (() => void) | null = null;
  #end: { readonly error: SallyportError | null } | null = null;
  #reachedAt = performance.now();
  /** Of the next request that brings bytes. */
  #size = POLL_REQUEST_START_BYTES;

  constructor(options: PollClientOptions) {
    this.#options = options;
    this.#graceMs = options.graceMs ?? POLL_GRACE_MS;
  }

  start(): void {
    void this.#loop(() => this.#down());
    void this.#loop(() => this.#up());
  }

  // ---- The link ----

  wake(): void {
    const go = this.#idle;
    this.#idle = null;
    if (go !== null) setImmediate(go);
  }

  shut(error: SallyportError | null): void {
    this.#end = { error };
    setTimeout(() => this.#lose(null), CLOSE_FLUSH_MS).unref();
    this.wake();
  }

  // ---- The two loops ----

  /** Does its step again and again; after failures with pauses that grow. */
  async #loop(step: () => Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    const backoff = createBackoff();
    while (!signal.aborted) {
      try {
        await step();
        backoff.reset();
        this.#reachedAt = performance.now();
      } catch (thrown) {
        if (signal.aborted) return;
        const since = performance.now() - this.#reachedAt;
        if (thrown instanceof SallyportError && thrown.fatal) this.#lose(thrown);
        else if (since > this.#graceMs) this.#lose(lost(thrown));
        else await pause(Math.min(backoff.next(), this.#graceMs / 4), signal);
      }
    }
  }

  /** Asks for bytes, and takes them. */
  async #down(): Promise<void> {
    let at: number | null = null;
    const answered = await this.#request(
      'GET',
      { body: [], waitMs: POLL_HOLD_MS + HANDSHAKE_TIMEOUT_MS },
      (answer) => {
        if (answer.status !== 200) return;
        at = readOffset(answer.field(fieldNames.at));
        answer.onBytes = (bytes) => {
          if (at === null) throw strange('it answered with bytes that are not of the link');
          if (!this.link.arrived(at, bytes)) throw strange('its bytes leave a gap');
          at += bytes.length;
        };
      },
    );
    if (answered.status !== 200 && answered.status !== 204) return this.#refused(answered);
    // Without an acknowledgement it was something on the way that answered.
    if (readOffset(answered.field(fieldNames.ack)) === null)
      throw strange(`something on the way answered ${answered.status} in its place`);
  }

  /** Brings bytes up, one request after the other; the last one is the end. */
  async #up(): Promise<void> {
    if (this.#end !== null && this.link.delivered) return this.#sayEnd();
    if (!this.link.sendable) return new Promise((resolve) => (this.#idle = resolve));
    const at = this.link.nextToSend;
    const body = this.link.take(this.#size);
    const length = this.link.nextToSend - at;
    const began = performance.now();
    try {
      const answered = await this.#request('POST', { body, at, waitMs: HANDSHAKE_TIMEOUT_MS });
      if (answered.status !== 204) this.#refused(answered);
      else if (!this.link.deliveredTo(at + length)) throw strange('it did not take all bytes');
    } catch (thrown) {
      this.link.rewind();
      this.#resize(0.5); // it may have been too large for something on the way
      throw thrown;
    }
    const ms = performance.now() - began;
    if (ms > POLL_REQUEST_SLOW_MS) this.#resize(0.5);
    else if (length === this.#size && ms < POLL_REQUEST_SLOW_MS / 4) this.#resize(2);
  }

  #resize(factor: number): void {
    const size = this.#size * factor;
    this.#size = Math.min(POLL_REQUEST_MAX_BYTES, Math.max(POLL_REQUEST_MIN_BYTES, size));
  }

  async #sayEnd(): Promise<void> {
    const body = [Buffer.from(encodeEnd(this.#end!.error))];
    await this.#request('DELETE', { body, waitMs: HANDSHAKE_TIMEOUT_MS });
    this.#lose(null);
  }

  async #request(
    method: PollMethod,
    { body, at = 0, waitMs }: { body: readonly Buffer[]; at?: number; waitMs: number },
    began: (answer: PollAnswer) => void = () => {},
  ): Promise<PollAnswer> {
    const { requests, id, secret } = this.#options;
    const words = { number: this.#numbers[method]++, at, ack: this.link.received };
    const answered = await requests.make({
      method,
      path: `/${id}`,
      fields: pollFields(secret, method, id, words),
      body,
      waitMs,
      signal: this.#ending.signal,
      began,
    });
    const ack = readOffset(answered.field(fieldNames.ack));
    if (ack !== null && this.link.acknowledge(ack)) this.wake();
    return answered;
  }

  /** An answer that is neither bytes nor an acknowledgement. */
  #refused({ status, text }: PollAnswer): void {
    if (status === 410) this.#lose(readEnd(text));
    else if (status === 404)
      this.#lose(new SallyportError('LINK_LOST', 'link: the server has forgotten it'));
    else if (status === 403) this.#lose(strange('it refuses the proof of our requests'));
    // Something between does not reach the server just now, or overtaking requests were sorted out.
    else throw strange(`it answered ${status}`);
  }

  #lose(error: SallyportError | null): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.wake();
    this.link.lost(error);
    this.#options.requests.close();
  }
}

function lost(cause: unknown): SallyportError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError('LINK_LOST', `link: the server was not reached: ${why}`, { cause });
}

function strange(why: string): SallyportError {
  return new SallyportError('LINK_LOST', `link: ${why}`);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
