/** One connection with one request of an operator: its body is gathered, answered, and the answer written. */
import { asSallyportError, SallyportError } from '../errors.ts';
import { CONTROL_BODY_TIMEOUT_MS, CONTROL_STALL_MS, HTTP_LINGER_BYTES } from '../limits.ts';
import type { Deadlines, Timed } from '../net/deadlines.ts';
import type { Slab } from '../net/slab.ts';
import type { Wire, WireReader } from '../net/wire.ts';
import { errorResponse } from './error-response.ts';
import type { Answer, HttpAdapterOptions } from './answer.ts';
import type { RequestBody } from './request-body.ts';
import { writeResponse } from './response-writer.ts';

export interface ConnectionShared extends HttpAdapterOptions {
  readonly deadlines: Deadlines<ControlConnection>;
}

export interface PendingRequest {
  readonly body: RequestBody;
  request(body: Buffer<ArrayBuffer>, signal: AbortSignal): Request;
  readonly headOnly: boolean;
  /** The client waits for 100 (Continue) before it sends its body: RFC 9110, section 10.1.1. */
  readonly expects: boolean;
  readonly answer: Answer;
}

export class ControlConnection implements WireReader, Timed<ControlConnection> {
  deadline: number;
  earlier: ControlConnection | null = null;
  later: ControlConnection | null = null;
  readonly #shared: ConnectionShared;
  readonly #pending: PendingRequest;
  readonly #id: string;
  readonly #gone = new AbortController();
  /** Resolves when the body is whole. */
  readonly #whole = Promise.withResolvers<void>();
  #wire: Wire | null = null;
  /** The body is still to come, and wanted. */
  #gathering = true;
  /** What may still come besides it. */
  #surplus = HTTP_LINGER_BYTES;
  #clientEnded = false;
  #streams = false;

  constructor(shared: ConnectionShared, pending: PendingRequest) {
    this.#shared = shared;
    this.#pending = pending;
    this.#id = shared.newId();
    this.deadline = shared.deadlines.now + (shared.bodyTimeoutMs ?? CONTROL_BODY_TIMEOUT_MS);
  }

  /** Takes the wire, and the bytes that came behind the head. */
  start(wire: Wire, rest: Buffer): void {
    const { body, expects } = this.#pending;
    this.#wire = wire;
    wire.reader = this;
    this.#shared.deadlines.add(this);
    if (expects && rest.length === 0 && !body.done)
      wire.write(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
    void this.#run();
    this.#take(rest, 0, rest.length);
  }

  async #run(): Promise<void> {
    const response = await this.#answer();
    const { signal } = this.#gone;
    this.#streams = response.headers.get('Content-Type') === 'text/event-stream';
    if (this.#streams && this.#clientEnded) this.end();
    const { headOnly } = this.#pending;
    const { deadlines, stallMs = CONTROL_STALL_MS } = this.#shared;
    const waits = (waiting: boolean): void => {
      this.deadline = waiting ? deadlines.now + stallMs : Infinity;
    };
    await writeResponse(this.#wire!, response, { headOnly, waits, signal }).catch(
      (thrown: unknown) => this.#defect(thrown),
    );
    this.#wire!.endAndDestroy();
  }

  async #answer(): Promise<Response> {
    try {
      await this.#whole.promise;
      this.deadline = Infinity;
      const { request, body, answer } = this.#pending;
      return await answer(request(body.bytes(), this.#gone.signal), this.#id);
    } catch (thrown) {
      this.deadline = Infinity;
      this.#defect(thrown);
      return errorResponse(thrown, this.#id);
    }
  }

  #defect(thrown: unknown): void {
    const error = asSallyportError(thrown);
    if (error.code === 'INTERNAL') this.#shared.defect(error, this.#id);
  }

  // ---- From the client ----

  read(slab: Slab, start: number, end: number): boolean {
    if (this.#gathering) this.#take(slab.bytes, start, end);
    else if ((this.#surplus -= end - start) < 0) this.end();
    return true;
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const { body } = this.#pending;
    try {
      body.feed(bytes, start, end);
      if (!body.done) return;
      this.#gathering = false;
      this.#whole.resolve();
    } catch (thrown) {
      this.#refuse(thrown as SallyportError);
    }
  }

  #refuse(error: SallyportError): void {
    this.#gathering = false;
    this.#whole.reject(error);
  }

  /** A client that has ended its direction may read its answer; nobody follows events like that. */
  ended(): void {
    this.#clientEnded = true;
    if (this.#gathering || this.#streams) this.end();
  }

  closed(): void {
    this.#gone.abort();
    this.#shared.deadlines.delete(this);
    this.#refuse(new SallyportError('LINK_LOST', 'control: the client left'));
  }

  expired(): void {
    const late = 'control: the body of the request took too long to come';
    this.deadline = Infinity;
    if (this.#gathering) this.#refuse(new SallyportError('REQUEST_TIMEOUT', late));
    else this.end();
  }

  /** Ends it, wherever it is. */
  end(): void {
    this.#wire?.destroy();
  }
}
