/**
 * What agents register: the name, and with it routes, a public port and TLS server names. All of it
 * stays with the service for as long as the service is known, also while no agent is there, so that
 * an agent that comes back finds its addresses as they were.
 */
import net from 'node:net';
import { createConsumerAuth } from '../access/consumer-password.ts';
import { mayRegister } from '../access/scopes.ts';
import { isServiceName } from '../access/service-name.ts';
import type { Registered, ServiceOffer } from '../attach/messages.ts';
import type { ServerSession } from '../attach/server-session.ts';
import { SallyportError } from '../errors.ts';
import { SERVICES_PER_AGENT_MAX } from '../limits.ts';
import type { PublicPorts } from '../ingress/tcp/ports.ts';
import type { TlsPassthrough } from '../ingress/tls/passthrough.ts';
import { canonicalHost } from '../net/host.ts';
import { quoted } from '../net/printable.ts';
import { mask } from '../observe/secrets.ts';
import type { HttpRoute, RouteKey, Routes } from '../registry/routes.ts';
import type { Balance, ServiceRegistry } from '../registry/services.ts';
import type { Upstream } from '../registry/upstream.ts';

export interface RegistrarOptions {
  registry: ServiceRegistry;
  routes: Routes;
  ports: PublicPorts;
  /** Null: the server has no passthrough port. */
  passthrough: TlsPassthrough | null;
  domain: string;
  balance: Balance;
  /** The base of the addresses given out; asked when the server listens. */
  publicUrl(): URL;
  /** An exclusive service was taken over from this upstream. */
  displaced(upstream: Upstream, by: ServiceOffer): void;
}

export interface Registrar {
  /** Rejects with NAME_INVALID, NAME_TAKEN, HOST_TAKEN, HOST_RESERVED, PORT_TAKEN, PORT_DENIED or DENIED. */
  register(session: ServerSession, offer: ServiceOffer): Promise<Registered>;
  /** The agent no longer offers the service; when it was the last one, the name is free at once. */
  unregister(session: ServerSession, name: string): void;
  /** The agent is gone, or takes nothing new. */
  leave(session: ServerSession): void;
  /** The registry has forgotten the service. */
  vanished(service: string): void;
}

/** What one agent holds for one service. */
interface Claim {
  release: (() => void)[];
  port: number | null;
}

export function createRegistrar(options: RegistrarOptions): Registrar {
  const { registry, routes, ports, passthrough, domain } = options;
  /** By session, then by service. */
  const claims = new Map<string, Map<string, Claim>>();
  /** What the last agent of an absent service held. */
  const kept = new Map<string, Claim>();

  function portInUse(service: string, port: number): boolean {
    const held = [...claims.values()].some((of) => of.get(service)?.port === port);
    return held || kept.get(service)?.port === port;
  }

  function drop(service: string, claim: Claim): void {
    for (const release of claim.release) release();
    if (claim.port !== null && !portInUse(service, claim.port)) ports.release(claim.port);
  }

  function claimHosts(offer: ServiceOffer, claim: Claim): string[] {
    const { name, hosts = [], path, rendezvousToken } = offer;
    const route: HttpRoute = {
      service: name,
      ...(offer.rewriteHost === undefined ? {} : { rewriteHost: offer.rewriteHost }),
      ...(offer.consumerAuth === undefined
        ? {}
        : { consumerAuth: createConsumerAuth(offer.consumerAuth) }),
    };
    const add = (key: RouteKey): void => void claim.release.push(routes.add(key, route));
    const base = options.publicUrl();
    const urls: string[] = [];
    const byName = canonicalHost(`${name}.${domain}`);
    if (byName !== null) {
      add({ host: byName });
      urls.push(urlOf(base, byName, '/'));
    }
    for (const host of hosts) {
      add(path === undefined ? { host } : { host, path });
      urls.push(urlOf(base, host, path ?? '/'));
    }
    if (path !== undefined && hosts.length === 0) {
      add({ path });
      urls.push(urlOf(base, base.hostname, path));
    }
    if (rendezvousToken !== undefined) {
      add({ token: rendezvousToken });
      urls.push(urlOf(base, base.hostname, `/_token/${mask(rendezvousToken)}/`));
    }
    if (urls.length > 0) return urls;
    const why = `${quoted(name)} cannot be a host name, and no --host, --path or --rendezvous-token was given`;
    throw new SallyportError('NAME_INVALID', `service ${quoted(name)}: ${why}`);
  }

  function claimServerNames(offer: ServiceOffer, claim: Claim): string[] {
    return (offer.sni ?? []).map((host) => {
      if (passthrough === null) {
        throw new SallyportError(
          'PORT_DENIED',
          'sni: this server has no passthrough port (--tls-passthrough-listen)',
        );
      }
      passthrough.add(host, offer.name);
      claim.release.push(() => passthrough.remove(host, offer.name));
      return `tls://${host}:${passthrough.address.port}`;
    });
  }

  /** The service's public port: the one it has where that will do, so that a reconnect finds it again. */
  async function claimPort(
    session: ServerSession,
    offer: ServiceOffer,
    wanted: number,
  ): Promise<number> {
    const held = [kept.get(offer.name), ...[...claims.values()].map((of) => of.get(offer.name))];
    const port = held.find((claim) => claim?.port && (wanted === 0 || wanted === claim.port))?.port;
    if (port) return port;
    return ports.listen(wanted, offer.name, (candidate) => {
      const denied = mayRegister(session.identity, { name: offer.name, port: candidate });
      if (denied !== null) throw denied;
    });
  }

  async function register(session: ServerSession, offer: ServiceOffer): Promise<Registered> {
    const { name } = offer;
    check(session, offer);
    const own = claims.get(session.id) ?? new Map<string, Claim>();
    if (own.has(name))
      throw new SallyportError(
        'NAME_TAKEN',
        `service ${name}: this agent has registered it already`,
      );
    if (own.size >= SERVICES_PER_AGENT_MAX) {
      throw new SallyportError(
        'SERVER_BUSY',
        `service ${name}: this agent has ${SERVICES_PER_AGENT_MAX} already`,
      );
    }
    const displaced = registry.join(name, session.upstream, {
      kind: offer.kind,
      exclusive: offer.exclusive ?? null,
      balance: offer.balance ?? options.balance,
    });
    const claim: Claim = { release: [], port: null };
    claims.set(session.id, own.set(name, claim));
    try {
      const urls =
        offer.kind === 'http' ? claimHosts(offer, claim) : claimServerNames(offer, claim);
      if (offer.port !== undefined) {
        const port = await claimPort(session, offer, offer.port);
        claim.port = port;
        // The agent may have gone meanwhile: then its claims are gone, and nobody else drops the port.
        if (own.get(name) !== claim && !portInUse(name, port)) ports.release(port);
        urls.push(`tcp://${options.publicUrl().hostname}:${port}`);
      }
      if (displaced !== null) options.displaced(displaced, offer);
      dropKept(name);
      return {
        type: 'registered',
        ref: 0,
        urls,
        ...(claim.port === null ? {} : { port: claim.port }),
      };
    } catch (thrown) {
      own.delete(name);
      registry.forget(name, session.upstream);
      drop(name, claim);
      throw thrown;
    }
  }

  function check(session: ServerSession, offer: ServiceOffer): void {
    const { name, hosts = [], sni = [], port } = offer;
    if (!isServiceName(name)) {
      throw new SallyportError('NAME_INVALID', `service ${quoted(name)}: not a valid name`);
    }
    const claimed = [...hosts, ...sni];
    const denied = mayRegister(session.identity, {
      name,
      hosts: claimed,
      ...(port === undefined ? {} : { port }),
    });
    if (denied !== null) throw denied;
    const address = claimed.find((host) => net.isIP(canonicalHost(host) ?? '') !== 0);
    if (address !== undefined) {
      throw new SallyportError(
        'HOST_RESERVED',
        `host ${quoted(address)}: IP addresses belong to the server itself`,
      );
    }
  }

  function dropKept(service: string): void {
    const claim = kept.get(service);
    kept.delete(service);
    if (claim !== undefined) drop(service, claim);
  }

  return {
    register,

    unregister(session, name) {
      const claim = claims.get(session.id)?.get(name);
      if (claim === undefined) return;
      claims.get(session.id)!.delete(name);
      registry.forget(name, session.upstream);
      drop(name, claim);
    },

    leave(session) {
      const own = claims.get(session.id);
      if (own === undefined) return;
      claims.delete(session.id);
      for (const [name, claim] of own) {
        own.delete(name);
        registry.leave(name, session.upstream);
        if (registry.present(name)) drop(name, claim);
        else kept.set(name, claim);
      }
    },

    vanished: dropKept,
  };
}

function urlOf(base: URL, host: string, path: string): string {
  const port = base.port === '' ? '' : `:${base.port}`;
  return `${base.protocol}//${host}${port}${path}`;
}
