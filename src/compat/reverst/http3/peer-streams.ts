/** Streams in one direction that the peer opens: one of each type that is known, others refused; RFC 9114, section 6.2. */
import { HTTP3_UNKNOWN_STREAMS_MAX } from '../../../limits.ts';
import type { ByteReceiver, ByteStream } from './byte-stream.ts';
import { createControlReader, STREAM_TYPE, type ControlSink } from './control-stream.ts';
import { connectionFault, H3, Http3Error } from './fault.ts';
import { createDecoderInstructions, encoderInstructions } from './qpack/instructions.ts';
import { VarintReader } from './varint.ts';

export interface PeerStreamsOptions {
  /** The peer is the one that answers requests. */
  readonly fromServer: boolean;
  readonly control: ControlSink;
  /** The peer broke the protocol. */
  fail(error: Http3Error): void;
}

type Read = (bytes: Buffer) => void;

const nothing: Read = () => {};

export function createPeerStreams(options: PeerStreamsOptions): {
  accept(stream: ByteStream): ByteReceiver;
} {
  const { fromServer, fail } = options;
  const seen = new Set<number>();
  let unknown = 0;

  /** Who reads a stream of this type; null for one that nobody reads. */
  function readerOf(type: number): Read | null {
    if (type === STREAM_TYPE.PUSH)
      throw fromServer
        ? connectionFault('ID_ERROR', 'a push that nobody has allowed')
        : connectionFault('STREAM_CREATION_ERROR', 'only servers push');
    const critical =
      type === STREAM_TYPE.CONTROL ||
      type === STREAM_TYPE.QPACK_ENCODER ||
      type === STREAM_TYPE.QPACK_DECODER;
    if (!critical) {
      if (++unknown > HTTP3_UNKNOWN_STREAMS_MAX)
        throw connectionFault('EXCESSIVE_LOAD', 'too many streams of unknown types');
      return null;
    }
    if (seen.has(type))
      throw connectionFault('STREAM_CREATION_ERROR', `a second stream of type ${type}`);
    seen.add(type);
    if (type === STREAM_TYPE.QPACK_ENCODER) return encoderInstructions.read;
    if (type === STREAM_TYPE.QPACK_DECODER) return createDecoderInstructions().read;
    const control = createControlReader(fromServer, options.control);
    return (bytes) => control.push(bytes);
  }

  function accept(stream: ByteStream): ByteReceiver {
    const type = new VarintReader();
    let read: Read | null = null;
    const guarded = (what: () => void): void => {
      try {
        what();
      } catch (error) {
        if (!(error instanceof Http3Error)) throw error;
        read = nothing;
        fail(error);
      }
    };
    const begin = (bytes: Buffer): void => {
      let at = 0;
      while (at < bytes.length) {
        if (!type.feed(bytes[at++])) continue;
        read = readerOf(type.value);
        if (read !== null) return read(bytes.subarray(at));
        read = nothing;
        return stream.stop(H3.STREAM_CREATION_ERROR);
      }
    };
    /** One that ends before its type is known is none; so is an unknown one. The others last as long as the connection. */
    const closed = (): void => {
      if (read === null || read === nothing) return;
      guarded(() => {
        throw connectionFault('CLOSED_CRITICAL_STREAM', 'the peer ends a stream that has to last');
      });
    };
    return {
      data(bytes) {
        guarded(() => (read === null ? begin(bytes) : read(bytes)));
        stream.credit(bytes.length);
      },
      finished: closed,
      reset: closed,
      stopped() {},
      drained() {},
    };
  }

  return { accept };
}
