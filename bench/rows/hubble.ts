/** Hubble's road, ours beside that of a peer in Go. Three hops: their CPU time is not told apart. */
import { measureBulk, measureRate } from '../load.ts';
import { ratioAtLeast, ratioAtMost, type Row } from '../row.ts';
import { idleStreams, perHeld } from './memory.ts';

const pair = { reference: 'hubble-peer', ours: 'sallyport-hubble' } as const;
const SPEED = 'MB/s';
const KB_EACH = 'KB each, all hops';
const SESSIONS = 1_000;

function bulk(direction: 'down' | 'up'): Row {
  return {
    ...pair,
    name: `hubble-${direction}`,
    what: `one Hubble session towards the ${direction === 'down' ? 'consumer' : 'target'}`,
    tools: ['go'],
    figures: [{ name: SPEED, goal: ratioAtLeast(1) }],
    async sample(contender, pace, stage) {
      const { result } = await measureBulk(stage, contender, direction, 1, pace);
      return { [SPEED]: result.bytes / 1e6 / result.seconds };
    },
  };
}

function rate(kind: 'echo' | 'connect', connections: number, unit: string, what: string): Row {
  return {
    ...pair,
    name: `hubble-${kind}`,
    what,
    tools: ['go'],
    figures: [{ name: `${unit}/s`, goal: ratioAtLeast(1) }, { name: 'p50 us' }],
    async sample(contender, pace, stage) {
      const { result } = await measureRate(stage, contender, kind, connections, pace);
      return { [`${unit}/s`]: result.perSecond, 'p50 us': result.p50 };
    },
  };
}

export const hubbleRows: readonly Row[] = [
  bulk('down'),
  bulk('up'),
  rate('echo', 64, 'trips', 'round trips of one byte on 64 Hubble sessions'),
  rate('connect', 32, 'conns', 'Hubble: dial, 100 bytes each way, close; 32 at once'),
  {
    ...pair,
    name: 'hubble-idle',
    what: `memory of all hops for each of ${SESSIONS} idle Hubble sessions`,
    tools: ['go'],
    fresh: true,
    figures: [{ name: KB_EACH, goal: ratioAtMost(1) }],
    async sample(contender, _pace, stage) {
      const { each } = await perHeld(contender, idleStreams(contender, stage), SESSIONS);
      return { [KB_EACH]: each.reduce((sum, one) => sum + one, 0) };
    },
  },
];
