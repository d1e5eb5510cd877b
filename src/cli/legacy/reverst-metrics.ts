/** The figures of reverst's server, under the names of the original. */
import type { ReverstEvents } from '../../compat/reverst/dialect.ts';
import type { ErrorCode, SallyportError } from '../../errors.ts';
import type { HostPort } from '../../net/address.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import { OTHER } from '../../observe/metrics/label-values.ts';
import { Counter, Gauge, Histogram, Registry } from '../../observe/metrics/prom-client.ts';
import {
  createProbeListener,
  type ProbeAnswer,
  type ProbeListener,
} from '../../observe/probe-listener.ts';

export interface ReverstMetrics extends Pick<
  ReverstEvents,
  'refused' | 'joined' | 'left' | 'groups'
> {
  readonly accessLog: AccessLog;
  readonly type: string;
  text(): Promise<string>;
}

/** Upper bounds in milliseconds, where the library of the original has them. */
const BOUNDS_MS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];

/** What the original calls them; all others are a server error. */
const reasons: Partial<Record<ErrorCode, string>> = {
  SERVICE_UNKNOWN: 'not found',
  AUTH_REQUIRED: 'unauthorized',
  AUTH_FAILED: 'unauthorized',
  DENIED: 'unauthorized',
};

export function createReverstMetrics(): ReverstMetrics {
  const registry = new Registry();
  const registers = [registry];
  const registrations = new Counter({
    name: 'reverst_tunnel_group_registrations_total',
    help: 'Clients that asked to register, by group; with the error of those that were not let in.',
    labelNames: ['tunnel_group', 'error'],
    registers,
  });
  const active = new Gauge({
    name: 'reverst_tunnel_group_active_conn',
    help: 'Clients that are registered now, by group.',
    labelNames: ['tunnel_group'],
    registers,
  });
  const requests = new Counter({
    name: 'reverst_tunnel_group_proxy_requests_total',
    help: 'Requests, by host and class of status.',
    labelNames: ['host', 'status'],
    registers,
  });
  const latency = new Histogram({
    name: 'reverst_tunnel_group_proxy_requests_latency_milliseconds',
    help: 'From the first byte of a request to the last of its response.',
    labelNames: ['host', 'status'],
    buckets: BOUNDS_MS,
    registers,
  });
  /** Only what the groups name becomes a label: anybody can ask for any host. */
  let names = new Set<string>();
  let hosts = new Set<string>();
  const labelOf = (known: ReadonlySet<string>, name: string): string =>
    known.has(name) ? name : OTHER;

  return {
    type: registry.contentType,
    text: () => registry.metrics(),

    groups(groups) {
      names = new Set(groups.map(({ name }) => name));
      hosts = new Set(groups.flatMap((group) => group.hosts));
    },

    refused({ group }, error) {
      registrations.inc({ tunnel_group: labelOf(names, group), error: reasonOf(error) });
    },

    joined({ group }) {
      registrations.inc({ tunnel_group: group });
      active.inc({ tunnel_group: group });
    },

    left: ({ group }) => active.dec({ tunnel_group: group }),

    accessLog: {
      stream() {},
      request({ host, status, ms }) {
        const labels = { host: labelOf(hosts, host), status: `${Math.floor(status / 100)}XX` };
        requests.inc(labels);
        latency.observe(labels, ms);
      },
    },
  };
}

function reasonOf({ code }: SallyportError): string {
  return reasons[code] ?? 'server error';
}

/** Serves them. Rejects with LISTEN_FAILED. */
export function openManagement(listen: HostPort, metrics: ReverstMetrics): Promise<ProbeListener> {
  return createProbeListener({
    listen,
    name: 'management',
    async answer(path): Promise<ProbeAnswer> {
      if (path === '/metrics')
        return { status: 200, type: metrics.type, body: await metrics.text() };
      const why = path.startsWith('/debug/pprof')
        ? 'profiles by pprof are those of programs in Go; `node --inspect` and `--cpu-prof` make them of this one'
        : 'here is /metrics';
      return { status: 404, type: 'text/plain; charset=utf-8', body: `${why}\n` };
    },
  });
}
