/** A native agent as an upstream: each stream is a stream of its session. */
import type { Session, Stream } from '../session/session.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../registry/upstream.ts';
import { openStream } from './stream-head.ts';

export class AgentUpstream implements Upstream {
  readonly id: string;
  #session: Session;

  constructor(id: string, session: Session) {
    this.id = id;
    this.#session = session;
  }

  get streams(): number {
    return this.#session.streams;
  }

  open(request: StreamRequest, receiver: UpstreamReceiver): Stream {
    return openStream(this.#session, request, receiver);
  }
}
