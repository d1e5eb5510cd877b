/**
 * What the server counts, for Prometheus. Most of it is read from where it is kept anyway at the
 * moment somebody asks; events and access lines, one for each stream or request, tell the rest.
 */
import type { EventFeed } from '../events/log.ts';
import type { EventSink } from '../events/sink.ts';
import { METRICS_SERVICES_MAX } from '../limits.ts';
import type { AccessLog } from '../observe/access-log.ts';
import { createLabelValues } from '../observe/metrics/label-values.ts';
import { Counter, Gauge, Registry } from '../observe/metrics/prom-client.ts';
import { addProcessMetrics } from '../observe/metrics/process.ts';
import { addCounter, addGauge } from '../observe/metrics/readings.ts';
import { createRequestMetrics } from '../observe/metrics/requests.ts';
import type { LiveStreams } from '../registry/live-streams.ts';
import { windowWaitMs } from '../session/yamux/window-wait.ts';
import { addEventMetrics } from './event-metrics.ts';
import { addStreamMetrics } from './stream-metrics.ts';

export interface MetricsOptions {
  readonly events: EventFeed;
  readonly live: LiveStreams;
  /** Program and version. */
  readonly program: string;
}

export interface MetricsText {
  /** The media type of `text`. */
  readonly type: string;
  /** All of it in the text format of Prometheus. */
  text(): Promise<string>;
}

export interface Metrics extends MetricsText {
  /** Where requests are counted. */
  readonly accessLog: AccessLog;
  /** A connection ended before it said what it wants: at TLS, or before its hello. */
  handshakeFailed(stage: 'tls' | 'hello'): void;
  /** Adds a reader of events that can be behind. */
  watchSink(sink: WatchedSink): void;
  close(): void;
}

/** How a sink is doing. */
type WatchedSink = Pick<EventSink, 'name' | 'behind' | 'lost'>;

export function createMetrics({ events, live, program }: MetricsOptions): Metrics {
  const registry = new Registry();
  const label = createLabelValues(METRICS_SERVICES_MAX);
  const accessLog = createRequestMetrics({ registry, label });
  const deaf = [
    addEventMetrics(registry, events),
    addStreamMetrics(registry, { events, live, label }),
  ];
  const restful = addProcessMetrics(registry);
  const sinks: WatchedSink[] = [];
  const handshakes = new Counter({
    name: 'sallyport_handshakes_failed_total',
    help: 'Connections that ended before they said what they want, by stage.',
    labelNames: ['stage'],
    registers: [registry],
  });
  for (const stage of ['tls', 'hello']) handshakes.inc({ stage }, 0);
  new Gauge({
    name: 'sallyport_build_info',
    help: 'Always 1; the version is in the label.',
    labelNames: ['program'],
    registers: [registry],
  }).set({ program }, 1);
  addCounter(registry, {
    name: 'sallyport_window_wait_seconds_total',
    help: 'Time that streams waited for their readers, all streams of the process together.',
    read: () => windowWaitMs() / 1_000,
  });
  addGauge(registry, {
    name: 'sallyport_event_sink_behind',
    help: 'Events that a sink has still to take.',
    labels: ['sink'],
    read: () => sinks.map(({ name, behind }) => ({ labels: { sink: name }, value: behind })),
  });
  addCounter(registry, {
    name: 'sallyport_event_sink_lost_total',
    help: 'Events that a sink never got, or could not deliver.',
    labels: ['sink'],
    read: () => sinks.map(({ name, lost }) => ({ labels: { sink: name }, value: lost })),
  });

  return {
    type: registry.contentType,
    text: () => registry.metrics(),
    accessLog,
    handshakeFailed: (stage) => handshakes.inc({ stage }),
    watchSink: (sink) => void sinks.push(sink),
    close() {
      for (const end of [...deaf, restful]) end();
    },
  };
}
