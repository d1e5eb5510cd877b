/**
 * The head of a data stream and the answer to it. The opener sends its head and goes on with bytes
 * at once; the acceptor answers before its first byte: `{"ok":true}`, or an error that names the hop.
 */
import { SallyportError } from '../errors.ts';
import { STREAM_ANSWER_TIMEOUT_MS, STREAM_HEAD_MAX_BYTES } from '../limits.ts';
import type { StreamRequest, UpstreamReceiver } from '../registry/upstream.ts';
import type { Session, Stream, StreamReceiver } from '../session/session.ts';
import { encodeMessage, MessageReader, type MessageHandler } from './message-reader.ts';
import { failureOf, fieldsOf, readFailure } from './messages.ts';

/** Checks the head a peer sent. */
export function readStreamHead(value: unknown): StreamRequest {
  const f = fieldsOf(value, 'head');
  return {
    service: f.string('service', 128),
    kind: f.oneOf('kind', ['http', 'tcp']),
    consumer: f.string('consumer', 128),
    id: f.string('id', 128),
    ...f.optional('target', (name) => f.string(name, 512)),
    ...f.optional('key', (name) => f.string(name, 512)),
    ...f.optional('local', (name) => f.string(name, 128)),
  };
}

const accepted = encodeMessage({ ok: true });

/** The acceptor takes the stream. */
export function acceptStream(stream: Stream): void {
  stream.send(accepted);
}

/**
 * The acceptor refuses the stream: the error goes out, then its direction ends. The opener may have
 * sent more by then: whoever is refused keeps a receiver, as a rule a `Discard`.
 */
export function refuseStream(stream: Stream, error: SallyportError): void {
  stream.send(encodeMessage({ error: failureOf(error) }));
  stream.end();
}

/** Receives what still comes after a refusal. */
export class Discard implements StreamReceiver {
  #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  data(_slab: unknown, start: number, end: number): void {
    this.#stream.credit(end - start);
  }

  finished(): void {}

  reset(): void {}

  drained(): void {}
}

/**
 * Opens a data stream on a session that leads to the acceptor. `receiver` gets nothing before the
 * answer, and the refusal, if it is one, as `reset`.
 */
export function openStream(
  session: Session,
  request: StreamRequest,
  receiver: UpstreamReceiver,
): Stream {
  const gate = new AnswerGate(receiver);
  const stream = session.open(receiver);
  gate.guard(stream);
  // The agent sees an upgrade when it comes.
  const { upgrade: _upgrade, ...head } = request;
  stream.send(encodeMessage(head));
  return stream;
}

/** Stands before the receiver until the answer has come. */
class AnswerGate implements MessageHandler {
  #receiver: UpstreamReceiver;
  #stream: Stream | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(receiver: UpstreamReceiver) {
    this.#receiver = receiver;
  }

  guard(stream: Stream): void {
    this.#stream = stream;
    stream.receiver = new MessageReader(stream, this, STREAM_HEAD_MAX_BYTES);
    this.#timer = setTimeout(late, STREAM_ANSWER_TIMEOUT_MS, this).unref();
  }

  /** No answer came in time. Its bytes may have reached a target all the same: this is no refusal. */
  late(): void {
    // Its opener may have reset it, which tells nobody here.
    if (this.#stream!.over) return;
    this.broken(
      new SallyportError(
        'RESPONSE_TIMEOUT',
        `stream: not answered by its agent within ${STREAM_ANSWER_TIMEOUT_MS} ms`,
      ),
    );
  }

  #settle(): void {
    clearTimeout(this.#timer!);
  }

  message(value: unknown): StreamReceiver {
    const answer = value as { ok?: unknown; error?: unknown } | null;
    if (answer?.ok === true) {
      this.#settle();
      this.#receiver.accepted?.();
      return this.#receiver;
    }
    const { code, message } = readFailure(answer?.error);
    throw new SallyportError(code, message);
  }

  broken(error: SallyportError): void {
    this.#settle();
    this.#stream!.reset(error);
    this.#receiver.reset(error);
  }

  finished(): void {
    this.#settle();
    this.#stream!.reset();
    this.#receiver.reset(
      new SallyportError('STREAM_RESET', 'stream: ended before it was answered'),
    );
  }

  reset(error: SallyportError): void {
    this.#settle();
    this.#receiver.reset(error);
  }

  drained(): void {
    this.#receiver.drained();
  }
}

/** Shared: a closure for each stream would cost more than the timer. */
function late(gate: AnswerGate): void {
  gate.late();
}
