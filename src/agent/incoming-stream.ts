/**
 * A stream that the server opened: its head is read, the target is dialled, and from then on the
 * bytes pass without further ado. Bytes that come before the connection stands wait in its socket.
 * A handler in this process needs no dialling.
 */
import dns from 'node:dns/promises';
import { acceptStream, Discard, readStreamHead, refuseStream } from '../attach/stream-head.ts';
import { MessageReader, type MessageHandler } from '../attach/message-reader.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import { LOCAL_SLAB_BYTES, STREAM_HEAD_MAX_BYTES, TARGET_DIAL_TIMEOUT_MS } from '../limits.ts';
import { parseDialAddress } from '../net/address.ts';
import { encodeProxyHeader } from '../net/proxy-protocol.ts';
import { SlabPool } from '../net/slab.ts';
import type { Target } from '../net/target.ts';
import { Wire, type WireReader } from '../net/wire.ts';
import type { AccessLog, Outcome } from '../observe/access-log.ts';
import type { StreamRequest } from '../registry/upstream.ts';
import { DuplexStream } from '../session/duplex-stream.ts';
import { HoldBack } from '../session/hold-back.ts';
import { Relay } from '../session/relay.ts';
import { Splice, type SpliceEnd } from '../session/splice.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';
import { formatServing, type AgentService, type HandlerTarget } from './service.ts';
import { connectTarget, targetError, targetTimeout } from './target-dial.ts';

export interface StreamContext {
  /** The service of that name, if this agent offers it. */
  service(name: string): AgentService | undefined;
  accessLog: AccessLog;
}

const targetSlabs = new SlabPool(LOCAL_SLAB_BYTES);

/** The receiver of a stream the server has just opened. */
export function receiveStream(stream: Stream, context: StreamContext): StreamReceiver {
  return new MessageReader(stream, new IncomingStream(stream, context), STREAM_HEAD_MAX_BYTES);
}

class IncomingStream implements MessageHandler, WireReader, SpliceEnd {
  #stream: Stream;
  #context: StreamContext;
  #startedAt = performance.now();
  #request: StreamRequest | null = null;
  #target: Target | null = null;
  #splice: Splice | null = null;
  #handler: HandlerTarget | null = null;
  #relay: Relay | null = null;
  #timer: NodeJS.Timeout | null = null;
  #logged = false;

  constructor(stream: Stream, context: StreamContext) {
    this.#stream = stream;
    this.#context = context;
  }

  // ---- The head ----

  message(value: unknown): StreamReceiver {
    const request = readStreamHead(value);
    this.#request = request;
    const service = this.#context.service(request.service);
    if (service === undefined) {
      return this.#refuse(
        new SallyportError(
          'SERVICE_UNKNOWN',
          `service ${request.service}: not offered by this agent`,
        ),
      );
    }
    const own = service.target;
    if (request.target === undefined)
      return own.kind === 'handler' ? this.#hand(service, own) : this.#dial(service, own);
    const held = new HoldBack(this.#stream);
    this.#resolve(service, request.target).then(
      (target) => held.release(this.#dial(service, target)),
      (error: unknown) => held.release(this.#refuse(asSallyportError(error))),
    );
    return held;
  }

  /** A target the consumer chose: checked once, and exactly what was checked is dialled. */
  async #resolve(service: AgentService, text: string): Promise<Target> {
    const target = { kind: 'tcp', ...parseDialAddress(text, 'target'), tls: false } as const;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(targetTimeout(target)), TARGET_DIAL_TIMEOUT_MS);
    try {
      const { host, port } = target;
      const { address } = await service.allow.resolveAllowed(host, port, lookup, late.signal);
      return { ...target, host: address };
    } finally {
      clearTimeout(timer);
    }
  }

  #dial(service: AgentService, target: Target): StreamReceiver {
    this.#target = target;
    const wire = Wire.dial(
      (onread) => connectTarget(target, service.insecureTarget, onread),
      targetSlabs,
      this,
    );
    this.#timer = setTimeout(() => wire.destroy(targetTimeout(target)), TARGET_DIAL_TIMEOUT_MS);
    wire.socket.once(target.tls ? 'secureConnect' : 'connect', () => this.#connected(wire));
    const header = this.#proxyHeader(service);
    if (header !== null) wire.write(header);
    this.#splice = new Splice(wire, this).join(this.#stream);
    return this.#splice;
  }

  #proxyHeader({ proxyProtocol }: AgentService): Buffer | null {
    if (proxyProtocol === undefined) return null;
    const { consumer, local = null } = this.#request!;
    return encodeProxyHeader(proxyProtocol, consumer, local);
  }

  #hand(service: AgentService, handler: HandlerTarget): StreamReceiver {
    this.#handler = handler;
    const relay = new Relay(this.#stream, {
      accepted: () => acceptStream(this.#stream),
      refused: (error) => refuseStream(this.#stream, error),
      over: (_relay, error) => this.#log(error === null ? 'ok' : error.code),
    });
    this.#relay = relay;
    const near = new DuplexStream(relay.down, (far) => handler.take(far));
    relay.join(near);
    relay.accepted();
    const header = this.#proxyHeader(service);
    if (header !== null) near.send(header);
    return relay.up;
  }

  #connected(wire: Wire): void {
    clearTimeout(this.#timer!);
    acceptStream(this.#stream);
    wire.reader = this.#splice!;
  }

  #refuse(error: SallyportError): StreamReceiver {
    refuseStream(this.#stream, error);
    this.#log(error.code, error.message);
    return new Discard(this.#stream);
  }

  broken(error: SallyportError): void {
    this.#stream.reset();
    this.#log(error.code, error.message);
  }

  finished(): void {
    this.#stream.reset();
  }

  reset(): void {}

  drained(): void {}

  // ---- The target's socket, until it is connected ----

  read(): boolean {
    return true;
  }

  ended(): void {}

  closed(error: Error | null): void {
    clearTimeout(this.#timer!);
    if (this.#splice!.error !== null) return this.#log('closed');
    const named = error instanceof SallyportError ? error : targetError(this.#target!, error);
    this.#stream.receiver = this.#refuse(named);
  }

  // ---- The end ----

  spliced(_splice: Splice, error: Error | null): void {
    this.#log(
      error === null ? 'ok' : error instanceof SallyportError ? error.code : 'TARGET_CLOSED',
    );
  }

  #log(outcome: Outcome, error?: string): void {
    if (this.#logged) return;
    this.#logged = true;
    const request = this.#request;
    const target = this.#handler ?? this.#target;
    this.#context.accessLog.stream({
      id: request?.id ?? '-',
      service: request?.service ?? '-',
      consumer: request?.consumer ?? '-',
      ...(target === null ? {} : { target: formatServing(target) }),
      bytesUp: this.#splice?.bytesIn ?? this.#relay?.up.bytes ?? 0,
      bytesDown: this.#splice?.bytesOut ?? this.#relay?.down.bytes ?? 0,
      ms: Math.round(performance.now() - this.#startedAt),
      outcome,
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** The resolver of the system knows no end of its own: what it says after the signal is not waited for. */
async function lookup(host: string, signal: AbortSignal): Promise<string[]> {
  const given = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => given.reject(signal.reason));
  const answers = await Promise.race([dns.lookup(host, { all: true }), given.promise]);
  return answers.map(({ address }) => address);
}
