/** One stream over a link with a long round trip: is the window kept full? */
import { measureBulk, measureRate, type Pace } from '../load.ts';
import { ratioAtLeast, type Row } from '../row.ts';

const SPEED = 'MB/s';
const TRIP = 'round trip ms';

/** The largest window of a stream; src/limits.ts, STREAM_WINDOW_MAX_BYTES. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** A window starts small and grows by round trips. */
const WARM_MS = 1_500;
const TRIP_PACE: Pace = { warmMs: 100, measureMs: 500 };

function longRow(direction: 'down' | 'up', what: string): Row {
  return {
    name: `long-${direction}`,
    what,
    reference: 'loopback-50ms',
    ours: 'sallyport-50ms',
    figures: [{ name: SPEED, goal: ratioAtLeast(0.9) }, { name: TRIP }],
    async sample(contender, pace, stage) {
      const { result: trip } = await measureRate(stage, contender, 'echo', 1, TRIP_PACE);
      const tripMs = trip.p50 / 1000;
      // The road alone gives no speed but the round trip from which the possible one follows.
      if (contender.name === 'loopback-50ms') {
        return { [SPEED]: WINDOW_BYTES / 1e6 / (tripMs / 1000), [TRIP]: tripMs };
      }
      const longer = { ...pace, warmMs: Math.max(pace.warmMs, WARM_MS) };
      const { result } = await measureBulk(stage, contender, direction, 1, longer);
      return { [SPEED]: result.bytes / 1e6 / result.seconds, [TRIP]: tripMs };
    },
  };
}

export const longRows: readonly Row[] = [
  longRow('down', 'one stream down over a link of 50 ms, against its window / RTT'),
  longRow('up', 'one stream up over a link of 50 ms, against its window / RTT'),
];
