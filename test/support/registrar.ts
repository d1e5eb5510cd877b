/** A registrar with real routes, ports and registry, and agents that are nothing but an identity. */
import { createIdentities, type IdentityOptions } from '../../src/access/identities.ts';
import type { TestContext } from 'node:test';
import type { ServiceOffer } from '../../src/attach/messages.ts';
import type { ServerSession } from '../../src/attach/server-session.ts';
import { createEventLog, type EventLog } from '../../src/events/log.ts';
import { createTcpIngress, type PublicPorts } from '../../src/ingress/tcp/ports.ts';
import { createTlsPassthrough } from '../../src/ingress/tls/passthrough.ts';
import { createRoutes, type Routes } from '../../src/registry/routes.ts';
import { createServiceRegistry, type ServiceRegistry } from '../../src/registry/services.ts';
import type { Upstream } from '../../src/registry/upstream.ts';
import { createRegistrar, type Registrar } from '../../src/server/registrar.ts';
import { openDoor } from './service-door.ts';

/**
 * The ports of these servers. Agents get the lower half where a test does not say otherwise: the
 * ports of the upper half are for tests that name theirs, and each test file has its own of them.
 */
const ranges = [{ low: 30_600, high: 30_799 }];
const anyPorts = ['30600-30699'];

export interface RegistrarUnderTest {
  readonly registrar: Registrar;
  readonly registry: ServiceRegistry;
  readonly events: EventLog;
  readonly routes: Routes;
  readonly ports: PublicPorts;
  /** Upstreams that were displaced, by their id. */
  readonly displaced: string[];
  /** The service that a request to that host goes to. */
  serviceOf(host: string): string | null;
  /** An agent; its identity may have every name and host where nothing else is given. */
  agent(id: string, scopes?: Partial<IdentityOptions>): ServerSession;
}

export interface RegistrarSetting {
  passthrough?: boolean;
  publicUrl?: string;
}

export async function createTestRegistrar(
  t: TestContext,
  { passthrough = true, publicUrl = 'http://example.test:8080/' }: RegistrarSetting = {},
): Promise<RegistrarUnderTest> {
  const door = openDoor(t, {});
  const listen = { host: '127.0.0.1', port: 0 };
  const routes = createRoutes('example.test');
  const ports = createTcpIngress({ ...door, host: listen.host, ranges });
  const byName = passthrough ? await createTlsPassthrough({ ...door, listen }) : null;
  const events = createEventLog();
  const registry = createServiceRegistry({ vanished: (service) => registrar.vanished(service) });
  const displaced: string[] = [];
  const registrar = createRegistrar({
    registry,
    events,
    routes,
    ports,
    passthrough: byName,
    domain: 'example.test',
    balance: () => 'round-robin',
    publicUrl: () => new URL(publicUrl),
    displaced: ({ id }) => void displaced.push(id),
  });
  t.after(() => {
    registry.close();
    ports.close();
    byName?.close();
  });
  return {
    registrar,
    registry,
    events,
    routes,
    ports,
    displaced,
    serviceOf: (host) => routes.byHost(host)?.[0]?.whole?.service ?? null,
    agent(id, scopes = {}) {
      const identity = createIdentities([
        {
          name: 'ann',
          token: 'sp_a-token-of-the-registrar-tests',
          roles: ['agent'],
          names: ['*'],
          hosts: ['*'],
          ports: anyPorts,
          ...scopes,
        },
      ]).authenticate('Bearer sp_a-token-of-the-registrar-tests');
      const upstream: Upstream = { id, streams: 0, open: () => ({}) as never };
      return { id, identity, upstream } as unknown as ServerSession;
    },
  };
}

export const http = (name: string, more: Partial<ServiceOffer> = {}): ServiceOffer => ({
  name,
  kind: 'http',
  ...more,
});

export const tcp = (name: string, more: Partial<ServiceOffer> = {}): ServiceOffer => ({
  name,
  kind: 'tcp',
  ...more,
});
