/**
 * What stands before a response on its stream: that the client has answered, or why it does not. So
 * the server knows whether the request may be tried with another client.
 */
import { SallyportError } from '../../errors.ts';
import { STREAM_HEAD_MAX_BYTES } from '../../limits.ts';
import { MessageReader, type MessageHandler } from '../../attach/message-reader.ts';
import { readFailure } from '../../attach/messages.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream, StreamReceiver } from '../../session/session.ts';

export class RequestAnswer implements MessageHandler {
  readonly #receiver: UpstreamReceiver;
  #stream!: Stream;

  constructor(receiver: UpstreamReceiver) {
    this.#receiver = receiver;
  }

  /** Stands before the receiver until the answer has come. How long that may take is for the receiver to say. */
  read(stream: Stream): Stream {
    this.#stream = stream;
    stream.receiver = new MessageReader(stream, this, STREAM_HEAD_MAX_BYTES);
    return stream;
  }

  message(value: unknown): StreamReceiver {
    const answer = value as { ok?: unknown; error?: unknown } | null;
    if (answer?.ok === true) {
      this.#receiver.accepted?.();
      return this.#receiver;
    }
    const { code, message } = readFailure(answer?.error);
    throw new SallyportError(code, message);
  }

  broken(error: SallyportError): void {
    this.#stream.reset(error);
    this.#receiver.reset(error);
  }

  finished(): void {
    this.broken(new SallyportError('STREAM_RESET', 'stream: ended before it was answered'));
  }

  reset(error: SallyportError): void {
    // Whoever takes a stream answers it: one that is reset was never taken.
    const why = 'reverst: the client takes no new requests';
    this.#receiver.reset(
      error.code === 'STREAM_RESET' ? new SallyportError('SERVER_BUSY', why) : error,
    );
  }

  drained(): void {
    this.#receiver.drained();
  }
}
