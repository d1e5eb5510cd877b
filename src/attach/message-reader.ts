/**
 * Length-prefixed JSON on a stream: 4 bytes big endian, then that many bytes of UTF-8 JSON. The
 * control stream is a row of such messages; a data stream begins with one in each direction.
 */
import { asSallyportError, SallyportError } from '../errors.ts';
import { CONTROL_MESSAGE_MAX_BYTES } from '../limits.ts';
import type { Slab } from '../net/slab.ts';
import type { Stream, StreamReceiver } from '../session/session.ts';

const PREFIX_BYTES = 4;
const nothing = Buffer.alloc(0);

/** One message as it travels. */
export function encodeMessage(value: unknown): Buffer {
  const json = JSON.stringify(value);
  const length = Buffer.byteLength(json);
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + length);
  bytes.writeUInt32BE(length);
  bytes.write(json, PREFIX_BYTES);
  return bytes;
}

export interface MessageHandler {
  /**
   * A message came. Returns who receives what follows it: null to go on reading messages. A throw
   * is passed to `broken`.
   */
  message(value: unknown): StreamReceiver | null;
  /** The peer broke the format, or `message` threw: the handler resets the stream, or ends the session. */
  broken(error: SallyportError): void;
  finished(): void;
  reset(error: SallyportError): void;
  drained(): void;
}

/** The receiver that reads messages. Bounded: a message above `max` bytes breaks the stream. */
export class MessageReader implements StreamReceiver {
  #stream: Stream;
  #handler: MessageHandler;
  #max: number;
  /** The beginning of a message, `#kept` bytes of it; room grows by doubling, so that drips cost no more. */
  #gathered = nothing;
  #kept = 0;

  constructor(stream: Stream, handler: MessageHandler, max = CONTROL_MESSAGE_MAX_BYTES) {
    this.#stream = stream;
    this.#handler = handler;
    this.#max = max;
  }

  data(slab: Slab, start: number, end: number): void {
    const gathering = this.#kept > 0;
    if (gathering) this.#gather(slab, start, end);
    const bytes = gathering ? this.#gathered : slab.bytes;
    const shift = gathering ? this.#kept - end : 0;
    const limit = end + shift;
    let at = gathering ? 0 : start;
    let next: StreamReceiver | null = null;
    try {
      while (next === null && limit - at >= PREFIX_BYTES) {
        const length = bytes.readUInt32BE(at);
        if (length > this.#max) {
          throw new SallyportError(
            'PROTOCOL_MESSAGE',
            `message: ${length} bytes, above ${this.#max}`,
          );
        }
        const stop = at + PREFIX_BYTES + length;
        if (stop > limit) break;
        next = this.#handler.message(parse(bytes, at + PREFIX_BYTES, stop));
        at = stop;
      }
    } catch (thrown) {
      this.#handler.broken(asMessageError(thrown));
      return;
    }
    if (next !== null) {
      // The rest is not ours: it always stands in this slab, behind what was gathered before.
      const rest = at - shift;
      this.#stream.receiver = next;
      this.#stream.credit(rest - start);
      if (rest < end) next.data(slab, rest, end);
      return;
    }
    if (gathering) this.#drop(at);
    else if (at < end) this.#gather(slab, at, end);
    this.#stream.credit(end - start);
  }

  #gather(slab: Slab, start: number, end: number): void {
    const total = this.#kept + end - start;
    if (total > this.#gathered.length) {
      const larger = Buffer.allocUnsafe(Math.max(total, 2 * this.#gathered.length));
      this.#gathered.copy(larger, 0, 0, this.#kept);
      this.#gathered = larger;
    }
    slab.bytes.copy(this.#gathered, this.#kept, start, end);
    this.#kept = total;
  }

  /** The first `n` gathered bytes were read. */
  #drop(n: number): void {
    this.#gathered.copyWithin(0, n, this.#kept);
    this.#kept -= n;
    if (this.#kept === 0) this.#gathered = nothing;
  }

  finished(): void {
    this.#handler.finished();
  }

  reset(error: SallyportError): void {
    this.#handler.reset(error);
  }

  drained(): void {
    this.#handler.drained();
  }
}

function parse(bytes: Buffer, start: number, end: number): unknown {
  return JSON.parse(bytes.toString('utf8', start, end));
}

function asMessageError(thrown: unknown): SallyportError {
  if (!(thrown instanceof SyntaxError)) return asSallyportError(thrown);
  return new SallyportError('PROTOCOL_MESSAGE', 'message: not valid JSON', { cause: thrown });
}
