/**
 * HTTP/3 over one connection; RFC 9114. One end asks and the other serves, and either may be the one
 * that dialled: in reverst it is the server that asks. No push, no dynamic table, no datagrams.
 */
import { SallyportError } from '../../../errors.ts';
import type { ByteReceiver, ByteStream, StreamSession } from './byte-stream.ts';
import { brokenOff, connectionFault, H3, h3Name, type Http3Error } from './fault.ts';
import { STREAM_TYPE } from './control-stream.ts';
import { FRAME, integerFrame } from './frames.ts';
import type { RequestHead } from './heads.ts';
import { createPeerStreams } from './peer-streams.ts';
import {
  RequestStream,
  type BodyReceiver,
  type Exchange,
  type RequestStreamHome,
  type ResponseReceiver,
  type ServedExchange,
} from './request-stream.ts';
import { ownSettings, unspokenSettings, type PeerSettings } from './settings.ts';
import { varint } from './varint.ts';

export interface Http3ConnectionOptions {
  readonly session: StreamSession;
  /** Serves requests of the peer. Without it this end asks. */
  readonly serve?: (exchange: ServedExchange, head: RequestHead) => BodyReceiver;
  /** The peer wants no new requests, or will send none: what runs goes on. */
  goneAway?(): void;
  /** No exchange is left and none will come, after a `goAway`: of either end to the one that asks, of its own to the one that serves. Once. */
  idle?(): void;
  /** The peer broke the protocol, and the connection was closed for it. Exchanges have failed. */
  failed?(error: Http3Error): void;
}

export interface Http3Connection {
  /** Opens an exchange. Throws TOO_MANY_STREAMS, SESSION_CLOSED, REQUEST_INVALID or REQUEST_TOO_LONG. */
  request(head: RequestHead, receiver: ResponseReceiver): Exchange;
  /** The peer has opened a stream in both directions. */
  acceptBidi(stream: ByteStream): ByteReceiver;
  /** The peer has opened a stream that it sends on. */
  acceptUni(stream: ByteStream): ByteReceiver;
  /** Takes no new requests, or asks none, and tells the peer; what runs goes on. */
  goAway(): void;
  /**
   * Asks the peer to send no more requests, as the first of two steps (RFC 9114, section 5.2): those
   * that come all the same are served. Of the end that serves.
   */
  windDown(): void;
  /** Ends everything: H3_NO_ERROR to the peer. */
  close(): void;
  /** The session is gone: every exchange fails with the error. */
  closed(error: SallyportError): void;
  /** Exchanges under way. */
  readonly active: number;
}

/** No stream has this id: nothing is refused by it. */
const NO_REQUEST_ID = Number.MAX_SAFE_INTEGER - 3;

/** How ids of streams of one kind are counted; RFC 9000, section 2.1. */
const ID_STEP = 4;

const ignore: ByteReceiver = { data() {}, finished() {}, reset() {}, stopped() {}, drained() {} };

/** Opens our control stream at once. Throws what the session's `openUni` throws. */
export function createHttp3Connection(options: Http3ConnectionOptions): Http3Connection {
  const { session, serve } = options;
  const asks = serve === undefined;
  const exchanges = new Set<RequestStream>();
  let settings: PeerSettings = unspokenSettings;
  let peerAway = false;
  let over = false;
  let idle = false;
  /** Requests at and above it are refused: this end has said so. */
  let refusedFrom = Infinity;
  // Requests go out on streams of whoever asks.
  let nextId = asks === (session.side === 'client') ? 0 : 1;

  const home: RequestStreamHome = {
    get sectionMax() {
      return settings.fieldSectionMax;
    },
    accept: (exchange, head) => serve!(exchange, head),
    fail,
    over(stream) {
      exchanges.delete(stream);
      idleIfDone();
    },
  };

  const control = session.openUni({ ...ignore, stopped: controlStopped });
  control.write(Buffer.concat([varint(STREAM_TYPE.CONTROL), ownSettings]));

  const peerStreams = createPeerStreams({
    fromServer: asks,
    control: {
      settings: (said) => {
        settings = said;
      },
      goAway: peerGoesAway,
    },
    fail,
  });

  function controlStopped(): void {
    fail(connectionFault('CLOSED_CRITICAL_STREAM', 'the peer wants no control stream'));
  }

  function fail(error: Http3Error): void {
    if (over) return;
    finish(error);
    session.close(error.h3, h3Name(error.h3));
    options.failed?.(error);
  }

  function finish(error: SallyportError): void {
    over = true;
    for (const exchange of exchanges) exchange.severed(error);
    exchanges.clear();
  }

  /** What the peer has not begun to serve may be asked elsewhere. */
  function peerGoesAway(id: number): void {
    const first = !peerAway;
    peerAway = true;
    if (asks)
      for (const exchange of exchanges)
        if (exchange.id >= id)
          exchange.fail(brokenOff(H3.REQUEST_REJECTED, 'the peer takes no new requests'));
    if (first) options.goneAway?.();
    idleIfDone();
  }

  function idleIfDone(): void {
    // Requests may still be on their way when the end that sends them goes away.
    const leaving = refusedFrom !== Infinity || (asks && peerAway);
    if (!leaving || over || idle || exchanges.size > 0) return;
    idle = true;
    options.idle?.();
  }

  return {
    get active() {
      return exchanges.size;
    },
    request(head, receiver) {
      if (!asks) throw new SallyportError('INTERNAL', 'HTTP/3: this end answers requests');
      if (over || peerAway || refusedFrom !== Infinity)
        throw new SallyportError('SESSION_CLOSED', 'HTTP/3 connection: it takes no new requests');
      const stream = RequestStream.ask(home, (bytes) => session.openBidi(bytes), head, receiver);
      exchanges.add(stream);
      return stream;
    },
    acceptBidi(stream) {
      if (over) return ignore;
      if (asks) {
        fail(connectionFault('STREAM_CREATION_ERROR', 'a request to an end that asks them'));
        return ignore;
      }
      if (stream.id >= refusedFrom) {
        stream.stop(H3.REQUEST_REJECTED);
        stream.reset(H3.REQUEST_REJECTED);
        return ignore;
      }
      nextId = Math.max(nextId, stream.id + ID_STEP);
      const serving = RequestStream.serve(home, stream);
      exchanges.add(serving);
      return serving;
    },
    acceptUni: (stream) => (over ? ignore : peerStreams.accept(stream)),
    goAway() {
      if (over || refusedFrom !== Infinity) return;
      // A server names the first request that it refuses; a client the first push, and there is none.
      refusedFrom = asks ? 0 : nextId;
      control.write(integerFrame(FRAME.GOAWAY, refusedFrom));
      idleIfDone();
    },
    windDown() {
      if (over || refusedFrom !== Infinity) return;
      control.write(integerFrame(FRAME.GOAWAY, NO_REQUEST_ID));
    },
    close() {
      if (over) return;
      finish(new SallyportError('SESSION_CLOSED', 'HTTP/3 connection: it was closed'));
      session.close(H3.NO_ERROR, '');
    },
    closed(error) {
      if (!over) finish(error);
    },
  };
}
