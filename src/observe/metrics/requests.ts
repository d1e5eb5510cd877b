/** How long HTTP requests take, and how they fail: counted where their access line is written. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { AccessLog } from '../access-log.ts';

/** Upper bounds in seconds: from a page out of a cache to a report that takes its time. */
const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface RequestMetricsOptions {
  readonly registry: Registry;
  /** The label of a service. */
  readonly label: (service: string) => string;
}

/** Stands in the place of an access log, or beside one. */
export function createRequestMetrics({ registry, label }: RequestMetricsOptions): AccessLog {
  const durations = new Histogram({
    name: 'sallyport_http_request_duration_seconds',
    help: 'From the first byte of a request to the last of its response, by service and class of status.',
    labelNames: ['service', 'status'],
    buckets: BUCKETS_S,
    registers: [registry],
  });
  const failures = new Counter({
    name: 'sallyport_http_requests_failed_total',
    help: 'Requests that did not end in order, by error code; `closed` is a client that left.',
    labelNames: ['code'],
    registers: [registry],
  });
  /** The class of a status; `none` where no response was sent. */
  const statuses = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

  return {
    stream() {},
    request({ service, status, ms, outcome }) {
      const labels = { service: label(service), status: statuses[Math.floor(status / 100)] };
      durations.observe(labels, ms / 1_000);
      if (outcome !== 'ok') failures.inc({ code: outcome });
    },
  };
}
