/** Counts what events tell: clients and services that are there, refusals, failed log-ins, reloads. */
import type { Registry } from 'prom-client';
import type { EventType, SallyportEvent } from '../events/event.ts';
import type { EventFeed } from '../events/log.ts';
import { Counter } from '../observe/metrics/prom-client.ts';
import { addGauge } from '../observe/metrics/readings.ts';

/** Returns what ends the counting. */
export function addEventMetrics(registry: Registry, events: EventFeed): () => void {
  /** Clients by role and protocol, and agents by service. */
  const clients = new Map<string, number>();
  const services = new Map<string, number>();
  let draining = 0;
  const registers = [registry];
  const opened = new Counter({
    name: 'sallyport_streams_opened_total',
    help: 'Streams that came to an upstream.',
    registers,
  });
  const refused = new Counter({
    name: 'sallyport_streams_refused_total',
    help: 'Streams that were refused, by error code.',
    labelNames: ['code'],
    registers,
  });
  const failures = new Counter({
    name: 'sallyport_auth_failures_total',
    help: 'Credentials that were not accepted, by where they were shown.',
    labelNames: ['door'],
    registers,
  });
  const reloads = new Counter({
    name: 'sallyport_config_reloads_total',
    help: 'Changes of the configuration, by whether they could be applied.',
    labelNames: ['result'],
    registers,
  });
  // A series that begins with its first count shows no increase: alerts would miss that one.
  for (const door of ['attach', 'service', 'control']) failures.inc({ door }, 0);
  for (const result of ['applied', 'refused']) reloads.inc({ result }, 0);
  addGauge(registry, {
    name: 'sallyport_clients',
    help: 'Clients that are attached, by role and by the protocol they speak.',
    labels: ['role', 'protocol'],
    read: () =>
      [...clients].map(([key, value]) => {
        const [role, protocol] = key.split(' ');
        return { labels: { role, protocol }, value };
      }),
  });
  addGauge(registry, {
    name: 'sallyport_services',
    help: 'Services that an agent serves now.',
    read: () => services.size,
  });
  addGauge(registry, {
    name: 'sallyport_service_registrations',
    help: 'What all agents serve: a service counts once for each of its agents.',
    read: () => [...services.values()].reduce((sum, agents) => sum + agents, 0),
  });
  addGauge(registry, {
    name: 'sallyport_draining',
    help: '1 once a shutdown was asked for.',
    read: () => draining,
  });

  const counted: Counted = {
    'client.up': ({ role, protocol }) => count(clients, `${role} ${protocol}`, 1),
    'client.down': ({ role, protocol }) => count(clients, `${role} ${protocol}`, -1),
    'service.up': ({ service }) => count(services, service, 1),
    'service.down'({ service }) {
      count(services, service, -1);
      if (services.get(service) === 0) services.delete(service);
    },
    'stream.opened': () => opened.inc(),
    'stream.refused': ({ code }) => refused.inc({ code }),
    'auth.failed': ({ door }) => failures.inc({ door }),
    'config.reloaded': () => reloads.inc({ result: 'applied' }),
    'config.refused': () => reloads.inc({ result: 'refused' }),
    'server.draining'() {
      draining = 1;
    },
  };
  return events.listen((event) => {
    const meant = counted[event.type] as ((event: SallyportEvent) => void) | undefined;
    meant?.(event);
  });
}

type Counted = { readonly [Type in EventType]?: (event: SallyportEvent<Type>) => void };

function count(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
