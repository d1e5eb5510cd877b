/**
 * A registered client of reverst as an upstream. The process for QUIC holds its connection; to the
 * server it is a session on which the server opens streams, each for one request of HTTP/1.1 and its
 * response. What the client does not serve is refused here, so that another member of the group is
 * asked.
 */
import { SallyportError } from '../../errors.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../registry/upstream.ts';
import type { Session, Stream, StreamReceiver } from '../../session/session.ts';
import { YamuxSession } from '../../session/yamux/session.ts';
import type { Link } from '../../transport/link.ts';
import { RequestAnswer } from './request-answer.ts';

export interface TunnelEvents {
  /** It takes no new requests; those under way go on. */
  goneAway(): void;
  /** It is gone, and its requests have failed. `null`: it left in order. The last call. */
  closed(error: SallyportError | null): void;
}

export class Tunnel implements Upstream {
  readonly id: string;
  readonly #session: Session;

  /** Takes the link over, which the door has answered. */
  constructor(id: string, link: Link, events: TunnelEvents) {
    this.id = id;
    this.#session = new YamuxSession(link, {
      client: false,
      events: { ...events, accept: refuse },
    });
  }

  /** Requests under way. */
  get streams(): number {
    return this.#session.streams;
  }

  open({ service, kind, target, upgrade }: StreamRequest, receiver: UpstreamReceiver): Stream {
    const needsMore =
      target !== undefined
        ? 'a target of the consumer’s choice'
        : kind === 'tcp'
          ? 'a raw stream'
          : upgrade === true
            ? 'an upgrade'
            : null;
    if (needsMore !== null) {
      const why = `its clients by reverst serve plain HTTP requests only, not ${needsMore}`;
      throw new SallyportError('REQUEST_UNSUPPORTED', `service ${service}: ${why}`);
    }
    return new RequestAnswer(receiver).read(this.#session.open(receiver));
  }

  /** Ends the client, which is told in the words of its protocol. */
  close(error: SallyportError | null): void {
    this.#session.close(error);
  }
}

/** Streams go the other way only. */
function refuse(stream: Stream): StreamReceiver {
  stream.reset();
  return { data() {}, finished() {}, reset() {}, drained() {} };
}
