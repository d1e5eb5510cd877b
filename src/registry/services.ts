/**
 * Services and the upstreams that serve them. An upstream that is gone is left out at once; a service
 * whose last upstream is gone stays known for a while, so that consumers read «nobody there now»
 * rather than «no such thing».
 */
import { asSallyportError, SallyportError } from '../errors.ts';
import { SERVICE_ABSENCE_MS } from '../limits.ts';
import type { Stream } from '../session/session.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from './upstream.ts';

export type Balance = 'round-robin' | 'least-streams';

/** How the upstreams of one service go together. */
export interface ServicePolicy {
  readonly kind: 'http' | 'tcp';
  /** One upstream only: the first keeps the name, or the latest takes it. Null: they share. */
  readonly exclusive: 'first' | 'latest' | null;
  readonly balance: Balance;
}

export interface ServiceRegistry {
  /** Throws NAME_TAKEN when `join` would. */
  check(service: string, policy: ServicePolicy): void;
  /**
   * Adds an upstream. Throws NAME_TAKEN when the name is held exclusively, or by services of another
   * kind. Returns the upstream that had to give way, if one had.
   */
  join(service: string, upstream: Upstream, policy: ServicePolicy): Upstream | null;
  /** Takes an upstream out; the service stays known for SERVICE_ABSENCE_MS, then `vanished` is called. */
  leave(service: string, upstream: Upstream): void;
  /** As `leave`, and when it was the last upstream the service is forgotten at once. */
  forget(service: string, upstream: Upstream): void;
  /** True while the service has an upstream. */
  present(service: string): boolean;
  /**
   * Opens a stream on one upstream of the service, trying the next one when one can take none.
   * `tried` are left out. Throws SERVICE_UNKNOWN, SERVICE_ABSENT when nobody serves it now, SERVER_BUSY
   * when all that do were tried, or what the last upstream threw.
   */
  open(
    request: StreamRequest,
    receiver: UpstreamReceiver,
    tried: readonly Upstream[],
  ): OpenedStream;
  /** All that are known, the absent ones too, in the order they came. */
  list(): ListedService[];
  close(): void;
}

export interface ListedService {
  readonly name: string;
  readonly policy: ServicePolicy;
  /** None: the service is absent. */
  readonly upstreams: readonly Upstream[];
}

export interface OpenedStream {
  readonly stream: Stream;
  readonly upstream: Upstream;
}

interface Service {
  policy: ServicePolicy;
  upstreams: Upstream[];
  next: number;
  absence: NodeJS.Timeout | null;
}

export interface ServiceEvents {
  /** Whether the name is known although nobody has served it yet. Default: none is. */
  expected?(service: string): boolean;
  /** An upstream has come. */
  arrived?(service: string): void;
  /** An upstream serves the service no more; its streams are still open. */
  left?(service: string, upstream: Upstream): void;
  /** The service is forgotten: its routes and ports are free again. */
  vanished(service: string): void;
}

export function createServiceRegistry({
  expected,
  arrived,
  left,
  vanished,
}: ServiceEvents): ServiceRegistry {
  const services = new Map<string, Service>();

  function remove(name: string): void {
    const service = services.get(name);
    if (service === undefined || service.upstreams.length > 0) return;
    clearTimeout(service.absence ?? undefined);
    services.delete(name);
    vanished(name);
  }

  function takeIn(name: string, upstream: Upstream, policy: ServicePolicy): Upstream | null {
    const service = services.get(name);
    if (service === undefined) {
      services.set(name, { policy, upstreams: [upstream], next: 0, absence: null });
      return null;
    }
    clearTimeout(service.absence ?? undefined);
    service.absence = null;
    const holder = service.upstreams[0] ?? null;
    if (holder === null) {
      service.policy = policy;
      service.upstreams.push(upstream);
      return null;
    }
    const displaced = displacedBy(name, service, holder, policy);
    if (displaced === null) service.upstreams.push(upstream);
    else service.upstreams = [upstream];
    return displaced;
  }

  function takeOut(name: string, upstream: Upstream): Service | null {
    const service = services.get(name);
    const at = service?.upstreams.indexOf(upstream) ?? -1;
    if (service === undefined || at < 0) return null;
    service.upstreams.splice(at, 1);
    left?.(name, upstream);
    return service;
  }

  return {
    check(name, policy) {
      const service = services.get(name);
      const holder = service?.upstreams[0];
      if (service !== undefined && holder !== undefined) displacedBy(name, service, holder, policy);
    },

    join(name, upstream, policy) {
      const displaced = takeIn(name, upstream, policy);
      if (displaced !== null) left?.(name, displaced);
      arrived?.(name);
      return displaced;
    },

    leave(name, upstream) {
      const service = takeOut(name, upstream);
      if (service === null || service.upstreams.length > 0) return;
      service.absence = setTimeout(() => remove(name), SERVICE_ABSENCE_MS).unref();
    },

    forget(name, upstream) {
      if (takeOut(name, upstream) !== null) remove(name);
    },

    present: (name) => (services.get(name)?.upstreams.length ?? 0) > 0,

    open(request, receiver, tried) {
      const service = services.get(request.service);
      if (service === undefined) {
        throw expected?.(request.service)
          ? absent(request.service)
          : new SallyportError('SERVICE_UNKNOWN', `service ${request.service}: not registered`);
      }
      let failure: SallyportError | null = null;
      for (const upstream of candidates(service)) {
        if (tried.includes(upstream)) continue;
        try {
          return { stream: upstream.open(request, receiver), upstream };
        } catch (thrown) {
          failure = asSallyportError(thrown);
        }
      }
      if (failure !== null) throw failure;
      const { length } = service.upstreams;
      throw length === 0
        ? absent(request.service)
        : new SallyportError('SERVER_BUSY', `service ${request.service}: each agent was tried`);
    },

    list: () => [...services].map(([name, { policy, upstreams }]) => ({ name, policy, upstreams })),

    close() {
      for (const { absence } of services.values()) clearTimeout(absence ?? undefined);
      services.clear();
    },
  };
}

function absent(service: string): SallyportError {
  return new SallyportError('SERVICE_ABSENT', `service ${service}: no agent is connected`);
}

/** Who gives way to a newcomer: null when they share. Throws NAME_TAKEN when the newcomer may not come. */
function displacedBy(
  name: string,
  service: Service,
  holder: Upstream,
  newcomer: ServicePolicy,
): Upstream | null {
  const { policy } = service;
  if (policy.kind !== newcomer.kind) {
    throw taken(name, `another agent offers it as ${policy.kind}, not ${newcomer.kind}`);
  }
  if (policy.exclusive !== newcomer.exclusive) {
    const held =
      policy.exclusive === null
        ? 'is shared by its agents'
        : `is held exclusively (${policy.exclusive})`;
    throw taken(name, `it ${held}, and the newcomer asks otherwise`);
  }
  if (policy.exclusive === 'first') throw taken(name, 'another agent holds it exclusively');
  return policy.exclusive === 'latest' ? holder : null;
}

function taken(name: string, why: string): SallyportError {
  return new SallyportError('NAME_TAKEN', `service ${name}: ${why}`);
}

/** The upstreams in the order to try them. */
function candidates(service: Service): readonly Upstream[] {
  const { upstreams, policy } = service;
  if (upstreams.length < 2) return upstreams;
  if (policy.balance === 'least-streams')
    return upstreams.toSorted((a, b) => a.streams - b.streams);
  const first = service.next++ % upstreams.length;
  return [...upstreams.slice(first), ...upstreams.slice(0, first)];
}
