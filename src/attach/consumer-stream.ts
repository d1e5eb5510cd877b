/** A consumer's stream at the server: authorised by itself, then joined to a stream of an agent. */
import type { Identity } from '../access/identity.ts';
import { asSallyportError } from '../errors.ts';
import { STREAM_HEAD_MAX_BYTES } from '../limits.ts';
import type { AccessLog, Outcome } from '../observe/access-log.ts';
import type { Gate } from '../registry/gate.ts';
import type { StreamRequest } from '../registry/upstream.ts';
import { Relay } from '../session/relay.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';
import { MessageReader, type MessageHandler } from './message-reader.ts';
import { acceptStream, Discard, readStreamHead, refuseStream } from './stream-head.ts';

export interface ConsumerContext {
  identity: Identity;
  /** `ip:port` of the consumer's link. */
  peer: string;
  gate: Gate;
  accessLog: AccessLog;
  newId(): string;
}

/** The receiver of a stream that a consumer has just opened. */
export function receiveConsumerStream(stream: Stream, context: ConsumerContext): StreamReceiver {
  return new MessageReader(stream, new ConsumerStream(stream, context), STREAM_HEAD_MAX_BYTES);
}

class ConsumerStream implements MessageHandler {
  #stream: Stream;
  #context: ConsumerContext;
  #request: StreamRequest | null = null;
  #startedAt = performance.now();

  constructor(stream: Stream, context: ConsumerContext) {
    this.#stream = stream;
    this.#context = context;
  }

  message(value: unknown): StreamReceiver {
    const relay = new Relay(this.#stream, {
      accepted: () => acceptStream(this.#stream),
      refused: (error) => refuseStream(this.#stream, error),
      over: (ended, error) => this.#log(ended, error === null ? 'ok' : error.code),
    });
    try {
      // What the consumer says of itself is not believed: its address and the id are ours.
      const { identity, peer, gate, newId } = this.#context;
      const { local: _claimed, ...head } = readStreamHead(value);
      const request = { ...head, consumer: peer, id: newId() };
      this.#request = request;
      relay.join(gate.open(request, relay.down, { caller: identity }).stream);
      return relay.up;
    } catch (thrown) {
      relay.over(asSallyportError(thrown), null);
      return new Discard(this.#stream);
    }
  }

  #log(relay: Relay, outcome: Outcome): void {
    this.#context.accessLog.stream({
      id: this.#request?.id ?? '-',
      service: this.#request?.service ?? '-',
      consumer: this.#context.peer,
      bytesUp: relay.up.bytes,
      bytesDown: relay.down.bytes,
      ms: Math.round(performance.now() - this.#startedAt),
      outcome,
    });
  }

  broken(): void {
    this.#stream.reset();
  }

  finished(): void {
    this.#stream.reset();
  }

  reset(): void {}

  drained(): void {}
}
