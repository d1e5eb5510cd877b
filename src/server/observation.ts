/** Who is told of what happens: the access log, metrics, and the sinks of events, put together. */
import { openAuditFile } from '../events/audit/file.ts';
import { createEventFilter, type EventFilterOptions } from '../events/filter.ts';
import type { EventLog } from '../events/log.ts';
import { createRequestEvents } from '../events/requests.ts';
import type { EventSink } from '../events/sink.ts';
import { createWebhook } from '../events/webhook.ts';
import type { HostPort } from '../net/address.ts';
import { teeAccessLog, type AccessLog } from '../observe/access-log.ts';
import type { Logger } from '../observe/logger.ts';
import { createProbeListener, jsonAnswer, type ProbeListener } from '../observe/probe-listener.ts';
import type { LiveStreams } from '../registry/live-streams.ts';
import { createMetrics, type Metrics } from './metrics.ts';

/** What of it there is. */
export interface ObservationSettings {
  /** Publishes the first of every so many HTTP requests as an event; 1 is all of them. Default: none. */
  readonly requestEvents?: number;
  readonly audit?: AuditSettings;
  readonly webhooks?: readonly WebhookSettings[];
  /** Keeps figures for Prometheus. Default: true. */
  readonly metrics?: boolean;
  /** Serves them to whoever can reach this address. */
  readonly metricsListen?: HostPort;
  /** Is told of every request and stream too. */
  readonly witness?: AccessLog;
}

export interface AuditSettings extends EventFilterOptions {
  readonly file: string;
  /** The file is put aside before it grows beyond so many bytes. Default: never. */
  readonly maxBytes?: number;
}

export interface WebhookSettings extends EventFilterOptions {
  readonly url: URL;
  /** Signs every delivery. */
  readonly secret: string;
}

export interface ObservationOptions extends ObservationSettings {
  readonly events: EventLog;
  readonly live: LiveStreams;
  readonly accessLog: AccessLog;
  /** Program and version. */
  readonly program: string;
  readonly log: Logger;
}

export interface Observation {
  /** Where every request and stream is told. */
  readonly accessLog: AccessLog;
  /** Null: no figures are kept. */
  readonly metrics: Metrics | null;
  /** Where metrics are served without the control API; null: nowhere. */
  readonly metricsAddress: HostPort | null;
  /** Sinks take what was published until now. Resolves when they have, or have had time to. */
  close(): Promise<void>;
}

/** Rejects with CONFIG_INVALID for an audit file that cannot be had, LISTEN_FAILED for an address. */
export async function openObservation(options: ObservationOptions): Promise<Observation> {
  const { events, live, program, log, requestEvents, metricsListen } = options;
  const metrics = (options.metrics ?? true) ? createMetrics({ events, live, program }) : null;
  const sinks: EventSink[] = [];
  let listener: ProbeListener | null = null;
  let closed: Promise<void> | null = null;

  async function close(): Promise<void> {
    await Promise.all([...sinks.map((sink) => sink.close()), listener?.close()]);
    metrics?.close();
  }

  try {
    if (options.audit !== undefined) {
      const filter = createEventFilter(options.audit);
      sinks.push(await openAuditFile({ ...options.audit, events, filter, program, log }));
    }
    for (const [index, { url, secret, ...wanted }] of (options.webhooks ?? []).entries()) {
      const filter = createEventFilter(wanted);
      sinks.push(createWebhook({ name: `webhook-${index + 1}`, url, secret, events, filter, log }));
    }
    if (metrics !== null && metricsListen !== undefined)
      listener = await listen(metrics, metricsListen);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  for (const sink of sinks) metrics?.watchSink(sink);
  return {
    accessLog: teeAccessLog([
      options.accessLog,
      ...(metrics === null ? [] : [metrics.accessLog]),
      ...(options.witness === undefined ? [] : [options.witness]),
      ...(requestEvents === undefined ? [] : [createRequestEvents(events, requestEvents)]),
    ]),
    metrics,
    metricsAddress: listener?.address ?? null,
    close: () => (closed ??= close()),
  };
}

function listen(metrics: Metrics, address: HostPort): Promise<ProbeListener> {
  return createProbeListener({
    listen: address,
    name: 'metrics',
    async answer(path) {
      if (path !== '/metrics') return jsonAnswer(404, { error: 'here is /metrics' });
      return { status: 200, type: metrics.type, body: await metrics.text() };
    },
  });
}
