/** How long HTTP requests take, and how they fail: counted where their access line is written. */
import type { Registry } from 'prom-client';
import type { AccessLog } from '../access-log.ts';
import { Durations } from './durations.ts';
import { Counter } from './prom-client.ts';

export interface RequestMetricsOptions {
  readonly registry: Registry;
  /** The label of a service. */
  readonly label: (service: string) => string;
}

/** Stands in the place of an access log, or beside one. */
export function createRequestMetrics({ registry, label }: RequestMetricsOptions): AccessLog {
  const durations = new Durations(
    'sallyport_http_request_duration_seconds',
    'From the first byte of a request to the last of its response, by service and class of status.',
    registry,
  );
  const failures = new Counter({
    name: 'sallyport_http_requests_failed_total',
    help: 'Requests that did not end in order, by error code; `closed` is a client that left.',
    labelNames: ['code'],
    registers: [registry],
  });

  return {
    stream() {},
    request({ service, status, ms, outcome }) {
      durations.count(label(service), status, ms);
      if (outcome !== 'ok') failures.inc({ code: outcome });
    },
  };
}
