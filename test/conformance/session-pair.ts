/** What the session suite needs of an implementation, and one end of a session as the suite sees it. */
import type { TestContext } from 'node:test';
import type { SallyportError } from '../../src/errors.ts';
import type { Session, SessionEvents, Stream, StreamReceiver } from '../../src/session/session.ts';
import { Endpoint, sendingSlabs } from '../support/endpoint.ts';
import { until, within } from '../support/wait.ts';

export interface Carrier {
  readonly client: Session;
  readonly server: Session;
  /** The client's end of the link stops reading, as if its process did not get to it; and goes on. */
  stall(): void;
  heal(): void;
  /** Breaks the link under both. */
  cut(): void;
  /** Slabs that somebody holds. */
  slabsOut(): number;
}

export type MakeCarrier = (
  t: TestContext,
  client: SessionEvents,
  server: SessionEvents,
) => Promise<Carrier>;

/** One end: takes what the other end opens, and counts what it is told. */
export class SessionEnd implements SessionEvents {
  session!: Session;
  goneAways = 0;
  readonly closings: (SallyportError | null)[] = [];
  /** The endpoints of the streams that the other end opened, by stream id. */
  readonly arrived = new Map<number, Endpoint>();
  /** Makes the endpoint of an arriving stream. Default: one that expects the pattern of its id. */
  onStream: (stream: Stream) => Endpoint = (stream) => new Endpoint(stream.id);
  #close = Promise.withResolvers<SallyportError | null>();

  accept(stream: Stream): StreamReceiver {
    const endpoint = this.onStream(stream);
    endpoint.stream = stream;
    this.arrived.set(stream.id, endpoint);
    return endpoint;
  }

  goneAway(): void {
    this.goneAways++;
  }

  closed(error: SallyportError | null): void {
    this.closings.push(error);
    this.#close.resolve(error);
  }

  over(): Promise<SallyportError | null> {
    return within(10_000, this.#close.promise, 'the end of the session');
  }

  /** Opens a stream whose endpoint expects the pattern of answers. */
  open(crediting = true): Endpoint {
    const endpoint = new Endpoint(REPLY_SEED, crediting);
    endpoint.stream = this.session.open(endpoint);
    return endpoint;
  }

  /** The endpoint of a stream that the other end opened. */
  async at(id: number): Promise<Endpoint> {
    await until(`stream ${id} arrives`, () => this.arrived.has(id));
    return this.arrived.get(id)!;
  }
}

/** Of the pattern that answers on every stream. */
export const REPLY_SEED = 1_000_003;

export interface SessionPair extends Carrier {
  readonly near: SessionEnd;
  readonly far: SessionEnd;
  /** Every slab is back where it came from. */
  slabsBack(): Promise<number>;
}

export async function makeSessions(t: TestContext, make: MakeCarrier): Promise<SessionPair> {
  const near = new SessionEnd();
  const far = new SessionEnd();
  const carrier = await make(t, near, far);
  near.session = carrier.client;
  far.session = carrier.server;
  const slabsBack = (): Promise<number> =>
    until('all slabs are back', () => carrier.slabsOut() === 0 && sendingSlabs.out === 0);
  return { ...carrier, near, far, slabsBack };
}
