/**
 * One exchange of HTTP/3, served by one of HTTP/1.1. What goes wrong before the response has begun is
 * answered in words, since an original server drops the whole tunnel for an exchange that was reset; a
 * response that breaks off later is broken off here too.
 *
 * Each has a connection of its own. One that is in order behind a request without a body is kept, for
 * requests that may be sent again: the target may be closing it just then.
 */
import { asSallyportError, SallyportError } from '../../../errors.ts';
import { methodAt } from '../../../http1/methods.ts';
import { publicFault } from '../../../ingress/http/public-fault.ts';
import { REVERST_BREAK_OFF_MS } from '../../../limits.ts';
import { breakOff } from '../../../net/break-off.ts';
import type { Slab } from '../../../net/slab.ts';
import type { Wire, WireReader } from '../../../net/wire.ts';
import type { AccessLog, Outcome } from '../../../observe/access-log.ts';
import { H3 } from '../http3/fault.ts';
import type { Field } from '../http3/field.ts';
import type { RequestHead, ResponseHead } from '../http3/heads.ts';
import type { BodyReceiver, ServedExchange } from '../http3/request-stream.ts';
import type { RequestTarget } from './request-target.ts';
import type { Framing } from './request-lines.ts';
import { RequestWriter } from './request-writer.ts';
import { ResponseReader, type ResponseSink } from './response-reader.ts';

export interface ExchangeContext {
  readonly group: string;
  readonly target: RequestTarget;
  /** Address of the server, which requests come from. */
  readonly peer: string;
  /** Gets a line for each exchange. */
  readonly accessLog: AccessLog;
}

const NOT_IMPLEMENTED = 501;
const BAD_GATEWAY = 502;
const plainText: readonly Field[] = [
  ['content-type', 'text/plain; charset=utf-8'],
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
];

/** Serves the request; answers who takes its body. */
export function serveExchange(
  exchange: ServedExchange,
  head: RequestHead,
  context: ExchangeContext,
): BodyReceiver {
  if (head.method !== 'CONNECT') return new TargetExchange(exchange, head, context).receiver;
  answer(exchange, head, NOT_IMPLEMENTED, 'Not Implemented\n');
  return { body() {}, ended() {}, failed() {}, drained() {} };
}

class TargetExchange implements WireReader, ResponseSink {
  readonly receiver: BodyReceiver;
  readonly #exchange: ServedExchange;
  readonly #head: RequestHead;
  readonly #context: ExchangeContext;
  readonly #startedAt = performance.now();
  readonly #request: RequestWriter;
  readonly #response: ResponseReader;
  #wire: Wire | null = null;
  /** The connection may be kept. */
  #keep = false;
  /** It was kept, and has not answered yet. */
  #reused = false;
  #status = 0;
  #bytesDown = 0;
  #over = false;

  constructor(exchange: ServedExchange, head: RequestHead, context: ExchangeContext) {
    this.#exchange = exchange;
    this.#head = head;
    this.#context = context;
    this.#response = new ResponseReader(head.method, this);
    this.#request = new RequestWriter(head, context.peer, context.target.keeps, {
      connect: (framing) => this.#connect(framing),
      credit: (n) => exchange.credit(n),
    });
    this.receiver = {
      body: (bytes) => this.#request.body(bytes),
      ended: (trailers) => this.#request.ended(trailers),
      failed: (error) => this.#leave(error.code === 'STREAM_RESET' ? 'closed' : error.code),
      drained: () => this.#wire?.resume(),
    };
    this.#request.start();
  }

  // ---- The connection to the target ----

  #connect({ length, keep }: Framing): Wire {
    const { target } = this.#context;
    const first = this.#wire === null;
    const kept = first && length === 0 && this.#repeatable() ? target.reuse(this) : null;
    this.#reused = kept !== null;
    this.#keep = keep;
    this.#wire = kept ?? target.connect(this);
    return this.#wire;
  }

  #repeatable(): boolean {
    const name = Buffer.from(this.#head.method, 'latin1');
    return methodAt(name, 0, name.length).idempotent;
  }

  /** Answers whether the connection was a kept one that went without an answer, and another one has the request now. */
  #repeated(): boolean {
    if (this.#over || !this.#reused) return false;
    this.#wire!.reader = { read: () => true, ended() {}, closed() {} };
    this.#wire!.destroy();
    this.#request.repeat();
    return true;
  }

  read(slab: Slab, start: number, end: number): boolean {
    this.#reused = false;
    try {
      this.#response.read(slab, start, end);
    } catch (thrown) {
      this.#fail(asSallyportError(thrown));
    }
    return this.#over || this.#exchange.writable;
  }

  ended(): void {
    if (this.#repeated()) return;
    try {
      this.#response.ended();
    } catch (thrown) {
      this.#fail(asSallyportError(thrown));
    }
  }

  closed(error: Error | null): void {
    if (this.#repeated()) return;
    if (error instanceof SallyportError) return this.#fail(error);
    const why = error === null ? 'it closed' : error.message;
    this.#fail(
      new SallyportError('TARGET_CLOSED', `target ${this.#context.target.name}: ${why}`, {
        cause: error,
      }),
    );
  }

  // ---- The response ----

  interim(head: ResponseHead): void {
    this.#exchange.interim(head);
  }

  response(head: ResponseHead): void {
    this.#exchange.respond(head);
    this.#status = head.status;
  }

  body(bytes: Buffer): void {
    this.#bytesDown += bytes.length;
    this.#exchange.body(bytes);
  }

  whole(trailers: readonly Field[]): void {
    this.#exchange.end(trailers);
    this.#leave('ok');
  }

  // ---- The end ----

  #fail(error: SallyportError): void {
    if (this.#over) return;
    if (this.#status > 0) breakOffLater(this.#exchange);
    else this.#answerFailure(error);
    this.#leave(error.code, error.message);
  }

  /** What is for logs only is not in it. */
  #answerFailure(error: SallyportError): void {
    const { code, hop } = error;
    const { message } = publicFault(this.#context.group, error);
    this.#status = BAD_GATEWAY;
    const text = `${code} (at the ${hop})\n\n${message}\n`;
    answer(this.#exchange, this.#head, BAD_GATEWAY, text, [['sallyport-error', code]]);
  }

  #leave(outcome: Outcome, error?: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#request.leave();
    this.#response.leave();
    this.#leaveWire(outcome);
    const { method, authority, path } = this.#head;
    const { group, target, peer, accessLog } = this.#context;
    accessLog.request({
      id: String(this.#exchange.id),
      service: group,
      consumer: peer,
      target: target.name,
      bytesUp: this.#request.bytes,
      bytesDown: this.#bytesDown,
      ms: performance.now() - this.#startedAt,
      outcome,
      method,
      host: authority,
      path,
      status: this.#status,
      ...(error === undefined ? {} : { error }),
    });
  }

  #leaveWire(outcome: Outcome): void {
    const wire = this.#wire;
    if (wire === null) return;
    if (outcome !== 'ok') breakOff(wire.socket);
    else if (this.#keep && this.#request.whole && this.#response.reusable)
      this.#context.target.keep(wire);
    // A handler is not to take a response that it has given as a whole for one that nobody read.
    else wire.endAndDestroy();
  }
}

/** A reset overtakes what was sent before it, and an original server has to see the head of the response first. */
function breakOffLater(exchange: ServedExchange): void {
  setTimeout(() => exchange.cancel(H3.INTERNAL_ERROR), REVERST_BREAK_OFF_MS);
}

/** Answers in words, as a whole. */
function answer(
  exchange: ServedExchange,
  { method }: RequestHead,
  status: number,
  text: string,
  fields: readonly Field[] = [],
): void {
  const body = Buffer.from(text);
  try {
    exchange.respond({ status, fields: [...plainText, ...fields], contentLength: body.length });
    if (method !== 'HEAD') exchange.body(body);
    exchange.end();
  } catch {
    // The peer reads no head that is so long.
    exchange.cancel(H3.INTERNAL_ERROR);
  }
}
