/**
 * Streams and bytes by service. Bytes are read from the streams that are open, and added up as
 * streams end: nothing is counted while they flow.
 */
import type { Registry } from 'prom-client';
import type { EventFeed } from '../events/log.ts';
import { addCounter, addGauge, type Reading } from '../observe/metrics/readings.ts';
import type { LiveStream, LiveStreams } from '../registry/live-streams.ts';

export interface StreamMetricsOptions {
  readonly events: EventFeed;
  readonly live: LiveStreams;
  /** The label of a service. */
  readonly label: (service: string) => string;
}

interface Carried {
  up: number;
  down: number;
}

/** Returns what ends the counting. */
export function addStreamMetrics(
  registry: Registry,
  { events, live, label }: StreamMetricsOptions,
): () => void {
  /** By label, of the streams that have ended. */
  const ended = new Map<string, Carried>();

  /** Those that came to an upstream; the others wait for that. */
  const open = (): LiveStream[] => live.list().filter(({ upstream }) => upstream !== null);

  function* openByService(): Iterable<Reading> {
    const counts = new Map<string, number>();
    for (const { request } of open()) {
      const service = label(request.service);
      counts.set(service, (counts.get(service) ?? 0) + 1);
    }
    for (const [service, value] of counts) yield { labels: { service }, value };
  }

  function* bytes(): Iterable<Reading> {
    const sums = new Map([...ended].map(([service, carried]) => [service, { ...carried }]));
    for (const { request, stream } of open()) {
      add(sums, label(request.service), stream.bytesSent, stream.bytesReceived);
    }
    for (const [service, { up, down }] of sums) {
      yield { labels: { service, direction: 'up' }, value: up };
      yield { labels: { service, direction: 'down' }, value: down };
    }
  }

  addGauge(registry, {
    name: 'sallyport_streams_open',
    help: 'Streams that are open, by service.',
    labels: ['service'],
    read: openByService,
  });
  addGauge(registry, {
    name: 'sallyport_streams_pending',
    help: 'Streams that wait: for a decision, or for an agent.',
    read: () => live.count - open().length,
  });
  addCounter(registry, {
    name: 'sallyport_stream_bytes_total',
    help: 'Bytes to the target (up) and from it (down), by service, with the heads of streams.',
    labels: ['service', 'direction'],
    read: bytes,
  });

  return events.listen((event) => {
    if (event.type !== 'stream.closed') return;
    add(ended, label(event.service), event.bytesUp, event.bytesDown);
  });
}

function add(sums: Map<string, Carried>, service: string, up: number, down: number): void {
  const sum = sums.get(service);
  if (sum === undefined) sums.set(service, { up, down });
  else {
    sum.up += up;
    sum.down += down;
  }
}
