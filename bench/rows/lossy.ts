/**
 * QUIC beside WebSocket over a link with a round trip of 100 ms that loses one packet in a hundred each
 * way. WebSocket goes over the kernel's TCP, with the congestion control that Linux takes by itself, and
 * in rows of their own with BBR, which a machine has to be set to.
 */
import type { ContenderName } from '../contenders.ts';
import { measureBulk, measureRate } from '../load.ts';
import { ratioAtLeast, ratioAtMost, type Row } from '../row.ts';

const SPEED = 'MB/s';
const P50 = 'p50 ms';
const P99 = 'p99 ms';
const TRIPS = 'trips/s';

/** Windows grow by round trips, and a loss now and then is all there is to learn from. */
const WARM_MS = 4_000;
const MEASURE_MS = 8_000;

const ours = 'sallyport-lossy-quic';

function bulk(
  name: string,
  reference: ContenderName,
  direction: 'down' | 'up',
  streams: number,
): Row {
  const many = streams === 1 ? 'one stream' : `${streams} streams`;
  return {
    name,
    what: `${many} ${direction}, 100 ms and 1 % loss: QUIC beside wss`,
    reference,
    ours,
    figures: [{ name: SPEED, goal: ratioAtLeast(1) }],
    async sample(contender, pace, stage) {
      const longer = {
        warmMs: Math.max(pace.warmMs, WARM_MS),
        measureMs: Math.max(pace.measureMs, MEASURE_MS),
      };
      const { result } = await measureBulk(stage, contender, direction, streams, longer);
      return { [SPEED]: result.bytes / 1e6 / result.seconds };
    },
  };
}

/** What one lost packet holds up: its own stream, or all that share the connection. */
function echo(name: string, reference: ContenderName): Row {
  return {
    name,
    what: 'round trips of one byte on 64 streams, 100 ms and 1 % loss: QUIC beside wss',
    reference,
    ours,
    figures: [{ name: P50 }, { name: P99, goal: ratioAtMost(1) }, { name: TRIPS }],
    async sample(contender, pace, stage) {
      const longer = { ...pace, measureMs: Math.max(pace.measureMs, MEASURE_MS) };
      const { result } = await measureRate(stage, contender, 'echo', 64, longer);
      return { [P50]: result.p50 / 1_000, [P99]: result.p99 / 1_000, [TRIPS]: result.perSecond };
    },
  };
}

export const lossyRows: readonly Row[] = [
  bulk('lossy-down-1', 'sallyport-lossy', 'down', 1),
  bulk('lossy-down-16', 'sallyport-lossy', 'down', 16),
  bulk('lossy-up-1', 'sallyport-lossy', 'up', 1),
  echo('lossy-echo-64', 'sallyport-lossy'),
  bulk('lossy-bbr-down-1', 'sallyport-lossy-bbr', 'down', 1),
  bulk('lossy-bbr-down-16', 'sallyport-lossy-bbr', 'down', 16),
  echo('lossy-bbr-echo-64', 'sallyport-lossy-bbr'),
];
