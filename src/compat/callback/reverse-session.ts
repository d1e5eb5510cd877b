/**
 * A callbackreverse at the server. It dialled, and yet it is the yamux server: only this end opens
 * streams, one for each consumer.
 */
import { SallyportError } from '../../errors.ts';
import type { SessionEvents, StreamReceiver } from '../../session/session.ts';
import { YamuxSession } from '../../session/yamux/session.ts';
import type { Link } from '../../transport/link.ts';
import { CallbackUpstream } from './upstream.ts';

export interface ReverseEvents {
  /** It takes no new streams; `over` follows. */
  leaving(): void;
  /** The session is over: null after a close in order. */
  over(error: SallyportError | null): void;
}

export class ReverseSession implements SessionEvents {
  readonly session: YamuxSession;
  readonly upstream: CallbackUpstream;
  #events: ReverseEvents;

  constructor(id: string, link: Link, events: ReverseEvents) {
    this.#events = events;
    this.session = new YamuxSession(link, { client: true, events: this });
    this.upstream = new CallbackUpstream(id, this.session);
  }

  accept(): StreamReceiver {
    throw new SallyportError('PROTOCOL_FRAME', 'callbackreverse: it opened a stream');
  }

  goneAway(): void {
    this.#events.leaving();
  }

  closed(error: SallyportError | null): void {
    this.#events.over(error);
  }
}
