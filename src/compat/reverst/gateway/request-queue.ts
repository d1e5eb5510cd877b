/**
 * Requests of the server to one client, in the order they come: a client allows so many at once,
 * originals a hundred, and the others wait for their turn.
 */
import { Discard, refuseStream } from '../../../attach/stream-head.ts';
import { SallyportError } from '../../../errors.ts';
import { REVERST_REQUESTS_WAITING_MAX } from '../../../limits.ts';
import type { Stream, StreamReceiver } from '../../../session/session.ts';
import { HoldBack } from '../../../session/hold-back.ts';
import type { Http3Connection } from '../http3/connection.ts';
import { RequestSide, type Ask } from './request-side.ts';

const LEAVING = 'reverst: the client is leaving';

/** What tells how many requests the client allows now. */
export interface Allowance {
  readonly bidiLeft: number;
}

export class RequestQueue {
  readonly #ask: Ask;
  readonly #allowance: Allowance;
  readonly #waiting = new Map<Stream, HoldBack>();
  /** Streams whose request has not been asked yet: their head is still coming. */
  readonly #unasked = new Set<Stream>();
  #left = false;

  constructor(http3: Pick<Http3Connection, 'request'>, allowance: Allowance) {
    this.#ask = (head, receiver) => http3.request(head, receiver);
    this.#allowance = allowance;
  }

  /** A stream of the server, for one request. */
  take(stream: Stream): StreamReceiver {
    if (this.#left) return refuse(stream, LEAVING);
    if (this.#waiting.size === 0 && this.#mayAsk) return this.#side(stream);
    if (this.#waiting.size >= REVERST_REQUESTS_WAITING_MAX) {
      const why = `${REVERST_REQUESTS_WAITING_MAX} requests wait for it already`;
      return refuse(stream, `reverst: the client is busy: ${why}`);
    }
    const held = new HoldBack(stream);
    this.#waiting.set(stream, held);
    stream.onOver = () => void this.#waiting.delete(stream);
    return held;
  }

  /** As many as the client allows by now go out. */
  advance(): void {
    for (const [stream, held] of this.#waiting) {
      if (!this.#mayAsk) return;
      this.#waiting.delete(stream);
      held.release(this.#side(stream));
    }
  }

  /** Nothing more goes to this client: what waits is asked of others. */
  leave(): void {
    this.#left = true;
    for (const stream of this.#waiting.keys()) stream.receiver = refuse(stream, LEAVING);
    this.#waiting.clear();
  }

  get #mayAsk(): boolean {
    return this.#allowance.bidiLeft > this.#unasked.size;
  }

  #side(stream: Stream): RequestSide {
    this.#unasked.add(stream);
    stream.onOver = () => void this.#unasked.delete(stream);
    return new RequestSide(stream, (head, receiver) => {
      this.#unasked.delete(stream);
      return this.#ask(head, receiver);
    });
  }
}

/** Another client may be asked. */
function refuse(stream: Stream, why: string): StreamReceiver {
  refuseStream(stream, new SallyportError('SERVER_BUSY', why));
  return new Discard(stream);
}
