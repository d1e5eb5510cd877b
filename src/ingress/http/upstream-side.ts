/**
 * The upstream end of a client connection: one stream at a time, kept for the next request where
 * both sides allow it. Responses are followed byte for byte; what is not exactly one response to
 * the request under way ends the stream.
 */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { BodyTracker } from '../../http1/body.ts';
import { INCOMPLETE } from '../../http1/field-section.ts';
import { expectResponseBody } from '../../http1/framing.ts';
import { responseRefusals as refusals } from '../../http1/refusals.ts';
import type { ResponseHead } from '../../http1/response-head.ts';
import { connectionLine, connectionLines, rewriteResponse } from '../../http1/response-rewrite.ts';
import { HTTP_INTERIMS_MAX } from '../../limits.ts';
import type { Slab } from '../../net/slab.ts';
import type { Wire } from '../../net/wire.ts';
import type { PassedStream } from '../../registry/gate.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import { deliver } from '../../session/deliver.ts';
import type { Stream } from '../../session/session.ts';
import { Attempts } from './attempts.ts';
import type { ClientSide } from './client-side.ts';
import type { Exchange } from './exchange.ts';
import { HeadReader } from './head-reader.ts';
import type { HttpShared } from './ingress-options.ts';
import { publicFault, publicRefusal } from './public-fault.ts';
import { openRequestStream } from './request-stream.ts';
import { mayReuse } from './reuse.ts';
import { expectSwitch } from './upgraded.ts';

/** No request under way: nothing may arrive. */
const QUIET = 0;
const HEAD = 1;
const BODY = 2;

export class UpstreamSide implements UpstreamReceiver {
  #client: ClientSide;
  #wire: Wire;
  #shared: HttpShared;
  #stream: Stream | null = null;
  #passed: PassedStream | null = null;
  #service = '';
  #state = QUIET;
  #accepted = false;
  #heads: HeadReader<ResponseHead>;
  #body = new BodyTracker('RESPONSE_INVALID');
  #attempts = new Attempts();
  /** A byte of the response has come. */
  #responding = false;
  #interims = 0;
  /** The stream may carry another request after this one. */
  #keep = false;
  #quietSince = 0;

  constructor(shared: HttpShared, client: ClientSide, wire: Wire) {
    this.#shared = shared;
    this.#client = client;
    this.#wire = wire;
    this.#heads = new HeadReader(shared.responseHeads);
  }

  /** Sends the exchange's head, on the kept stream or on a new one. Throws what `gate.open` throws. */
  request(now: number): void {
    const { exchange } = this.#client;
    const kept = this.#passed;
    if (kept !== null && !mayReuse(kept, this.#service, exchange, now - this.#quietSince))
      this.drop();
    this.#interims = 0;
    this.#attempts.begin(this.#stream !== null);
    if (this.#stream === null) this.#open();
    this.#sendHead(exchange);
  }

  #open(): void {
    const { exchange } = this.#client;
    this.#accepted = false;
    const { gate } = this.#shared.options;
    this.#passed = openRequestStream(exchange, gate, this, this.#attempts.tried);
    this.#stream = this.#passed.stream;
    this.#service = exchange.service;
  }

  #sendHead(exchange: Exchange): void {
    this.#state = HEAD;
    this.#responding = false;
    this.#keep = false;
    this.#stream!.send(exchange.head.subarray(0, exchange.headLength));
  }

  /** Sends body bytes; answers whether more can be sent. */
  sendBody(slab: Slab, start: number, end: number): boolean {
    if (this.#stream === null) return true;
    this.#client.exchange.bodySent = true;
    this.#stream.write(slab, start, end);
    return this.#stream === null || this.#stream.writable;
  }

  get writable(): boolean {
    return this.#stream === null || this.#stream.writable;
  }

  /** The stream still takes the rest of a request whose response has ended already. */
  get open(): boolean {
    return this.#stream !== null;
  }

  /** Request and response are whole: the stream waits for the next request, or goes. */
  rest(now: number): void {
    if (this.#keep && this.#passed?.keepable) this.#quietSince = now;
    else this.drop();
  }

  /** The request under way is given up. A stream that is quiet stays. */
  abandon(): void {
    if (this.#state !== QUIET) this.drop();
  }

  /** Ends the stream, if there is one: both ways, at once. */
  drop(): void {
    const stream = this.#stream;
    this.#forget();
    stream?.reset();
  }

  #forget(): void {
    this.#stream = null;
    this.#passed = null;
    this.#state = QUIET;
    this.#heads.release();
  }

  // ---- From the stream ----

  accepted(): void {
    this.#accepted = true;
  }

  /** A stream that rests would hold up its agent. One with a request goes when that is done. */
  leaving(): void {
    if (!this.#client.exchange.active) this.drop();
  }

  data(slab: Slab, start: number, end: number): void {
    if (this.#stream === null) return;
    try {
      if (this.#state === HEAD) this.#readHeads(slab, start, end);
      else if (this.#state === BODY) this.#readBody(slab, start, end);
      else this.#uncalledFor();
    } catch (thrown) {
      this.#break(asSallyportError(thrown));
    }
  }

  #readHeads(slab: Slab, start: number, end: number): void {
    const stream = this.#stream!;
    this.#responding = true;
    let at = start;
    while (at < end) {
      const after = this.#heads.read(slab, at, end);
      if (after === INCOMPLETE) {
        stream.credit(end - at);
        return;
      }
      const head = this.#heads.head!;
      if (head.status === 101) return this.#switch(head, slab, at, after, end);
      if (head.status >= 200) return this.#respond(head, slab, after, end, after - at);
      this.#interim(head, slab, after, after - at);
      at = after;
    }
  }

  #interim(head: ResponseHead, slab: Slab, after: number, others: number): void {
    if (++this.#interims > HTTP_INTERIMS_MAX) {
      throw refusals.invalid(`more than ${HTTP_INTERIMS_MAX} interim responses`);
    }
    // HTTP/1.0 knows none; RFC 9110, section 15.2.
    if (this.#client.exchange.old) this.#stream!.credit(others);
    else this.#sendResponse(head, connectionLines.silent, slab, after, after, others);
    this.#heads.release();
  }

  #respond(head: ResponseHead, slab: Slab, start: number, end: number, others: number): void {
    const { exchange } = this.#client;
    const stream = this.#stream!;
    const delimited = expectResponseBody(this.#body, head, exchange.method, exchange.old);
    const taken = this.#body.feed(slab.bytes, start, end);
    this.#keep = delimited && head.keepAlive && exchange.keepAlive && this.#passed!.keepable;
    exchange.keepAlive &&=
      delimited && !this.#shared.draining && (exchange.whole || head.keepAlive);
    exchange.status = head.status;
    exchange.bytesDown += taken;
    const line = connectionLine(exchange.keepAlive, exchange.old);
    const sent = this.#sendResponse(head, line, slab, start, start + taken, others);
    this.#heads.release();
    this.#state = BODY;
    exchange.answered = true;
    this.#client.responseBegan();
    if (sent < start + taken) deliver(this.#wire, stream, slab, sent, start + taken);
    if (this.#body.done) this.#ended(start + taken < end);
  }

  #sendResponse(
    head: ResponseHead,
    line: Buffer,
    slab: Slab,
    start: number,
    end: number,
    others: number,
  ): number {
    const { scratch } = this.#shared;
    const { bytes, base } = this.#heads;
    const length = rewriteResponse(head, bytes, base, line, scratch.bytes, 0);
    return scratch.send(this.#wire, length, this.#stream!, slab, start, end, others);
  }

  #readBody(slab: Slab, start: number, end: number): void {
    const taken = this.#body.feed(slab.bytes, start, end);
    this.#client.exchange.bytesDown += taken;
    if (taken > 0) deliver(this.#wire, this.#stream!, slab, start, start + taken);
    if (this.#body.done) this.#ended(start + taken < end);
  }

  /** The response is whole. `spoiled`: something stood behind it that nobody asked for. */
  #ended(spoiled: boolean): void {
    this.#state = QUIET;
    if (spoiled || !this.#keep) this.drop();
    this.#client.responseEnded();
  }

  #switch(head: ResponseHead, slab: Slab, start: number, after: number, end: number): void {
    const { exchange } = this.#client;
    expectSwitch(head, exchange);
    exchange.status = head.status;
    exchange.answered = true;
    const stream = this.#stream!;
    this.#sendResponse(head, connectionLines.upgrade, slab, after, after, after - start);
    this.#forget();
    this.#client.switched(stream);
    if (after < end) stream.receiver.data(slab, after, end);
  }

  /** Bytes, or the stream's end, while no response is due. */
  #uncalledFor(): void {
    this.drop();
    if (this.#client.exchange.active) this.#client.responseEnded();
  }

  finished(): void {
    if (this.#state === BODY && this.#body.ended()) {
      this.#keep = false;
      this.#ended(false);
    } else if (this.#state === QUIET) {
      if (!this.#client.exchange.active) this.#stream?.end();
      this.#uncalledFor();
    } else {
      const why = 'response: the target closed the connection before its end';
      this.#break(new SallyportError('TARGET_CLOSED', why));
    }
  }

  reset(error: SallyportError): void {
    if (this.#state === QUIET) this.#uncalledFor();
    else if (this.#passed!.upstream === null) this.#refused(error);
    else this.#break(publicFault(this.#service, error));
  }

  /** The gate refused the stream after it had waited: no upstream was asked, and none shall be. */
  #refused(error: SallyportError): void {
    this.drop();
    this.#client.failed(publicRefusal(this.#service, this.#client.exchange.caller, error));
  }

  /** The response will not come, or not all of it. */
  #break(error: SallyportError): void {
    const upstream = this.#passed?.upstream ?? null;
    const { exchange } = this.#client;
    this.drop();
    const again =
      !this.#responding && this.#attempts.again(exchange, upstream, this.#accepted, error.code);
    if (!again || !this.#openAgain()) this.#client.failed(error);
  }

  /** Sends the request once more. False when there is nobody to send it to. */
  #openAgain(): boolean {
    try {
      this.#open();
    } catch {
      return false;
    }
    this.#sendHead(this.#client.exchange);
    return true;
  }

  drained(): void {
    this.#client.resume();
  }
}
