/** Sessions whose streams, opened by the client, stand under rates that all of them share. */
import type { Session, StreamReceiver } from '../../src/session/session.ts';
import { ByteRate, PaceClock } from '../../src/session/pace.ts';
import { PacedStream } from '../../src/session/paced-stream.ts';
import type { MakeCarrier } from '../conformance/session-pair.ts';

/** Sessions of another kind, paced each way. */
export function paced(make: MakeCarrier, bytesPerSecond: number): MakeCarrier {
  return async (t, client, server) => {
    const clock = new PaceClock();
    t.after(() => clock.close());
    const carrier = await make(t, client, server);
    const rate = (): ByteRate => new ByteRate(clock, bytesPerSecond);
    const rates = { up: [rate(), rate()], down: [rate()] };
    return { ...carrier, client: pacedSession(carrier.client, rates) };
  };
}

function pacedSession(
  session: Session,
  rates: ConstructorParameters<typeof PacedStream>[1],
): Session {
  return {
    open(receiver: StreamReceiver) {
      const stream = new PacedStream(receiver, rates);
      return stream.join(session.open(stream.incoming));
    },
    get streams() {
      return session.streams;
    },
    get rtt() {
      return session.rtt;
    },
    ping: () => session.ping(),
    takeActivity: () => session.takeActivity(),
    goAway: () => session.goAway(),
    get refusing() {
      return session.refusing;
    },
    close: (error) => session.close(error),
  };
}
