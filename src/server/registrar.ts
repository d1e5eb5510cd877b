/**
 * What agents register: the name, and with it routes, a public port and TLS server names. All of it
 * stays with the service for as long as the service is known, also while no agent is there, so that
 * an agent that comes back finds its addresses as they were.
 */
import net from 'node:net';
import { demand } from '../access/policy/demand.ts';
import type { Policy } from '../access/policy/policy.ts';
import type { Lease, Quotas } from '../access/quotas.ts';
import { mayRegister, type Registration } from '../access/scopes.ts';
import { isServiceName } from '../access/service-name.ts';
import type { Registered, ServiceOffer } from '../attach/messages.ts';
import type { ServerSession } from '../attach/server-session.ts';
import { SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import { EVENT_TEXT_MAX_CHARS, SERVICE_URLS_MAX_CHARS, SERVICES_PER_AGENT_MAX } from '../limits.ts';
import type { PublicPorts } from '../ingress/tcp/ports.ts';
import { canonicalHost } from '../net/host.ts';
import { portInRanges } from '../net/ports.ts';
import { quoted } from '../net/printable.ts';
import type { Balance, ServicePolicy, ServiceRegistry } from '../registry/services.ts';
import type { Upstream } from '../registry/upstream.ts';
import { MostlyOne } from '../session/mostly-one.ts';
import { createAddresses, type AddressesOptions } from './addresses.ts';

export interface RegistrarOptions extends AddressesOptions {
  registry: ServiceRegistry;
  events: EventLog;
  ports: PublicPorts;
  /** How agents of one name share the work where the service does not say. */
  balance(): Balance;
  /** Asked about each service, once the scopes allow it. Absent: nobody is asked. */
  policy?: Pick<Policy, 'authorize'>;
  /** Limits of names, and of agents of one service. Absent: there are none. */
  quotas?: Pick<Quotas, 'offer'>;
  /** An exclusive service was taken over from this upstream. */
  displaced(upstream: Upstream, by: ServiceOffer): void;
}

export interface Registrar {
  /**
   * Claims what the offer asks for, then joins the service: streams come from that moment on. Rejects
   * with NAME_INVALID, NAME_TAKEN, LIMIT_REACHED, HOST_TAKEN, HOST_RESERVED, PORT_TAKEN, PORT_DENIED, DENIED or what
   * else is wrong with the offer; everything is as it was before then.
   */
  register(session: ServerSession, offer: ServiceOffer): Promise<Registered>;
  /** The agent no longer offers the service; when it was the last one, the name is free at once. */
  unregister(session: ServerSession, name: string): void;
  /** The services of the agent. */
  services(session: ServerSession): string[];
  /** Why the identity of the agent does not cover a service of its; null when it does. */
  outOfScope(session: ServerSession, service: string): SallyportError | null;
  /** Asks the policy about a service of the agent: throws, or rejects with, DENIED. */
  permit(session: ServerSession, service: string): Promise<void> | undefined;
  /** The agent is gone, or takes nothing new. */
  leave(session: ServerSession): void;
  /** Where consumers find the service, as its agents were told. */
  urls(service: string): string[];
  /** The registry has forgotten the service. */
  vanished(service: string): void;
}

/** What one agent holds for one service. */
interface Claim {
  offer: ServiceOffer;
  release: (() => void)[];
  port: number | null;
  urls: readonly string[];
  /** What it takes of the quotas, as long as its agent is there. */
  lease: Lease | null;
  /** The agent has joined the service; before that its port is being opened. */
  joined: boolean;
}

export function createRegistrar(options: RegistrarOptions): Registrar {
  const { registry, events, ports } = options;
  const addresses = createAddresses(options);
  /** By session, then by service. */
  const claims = new Map<string, MostlyOne<string, Claim>>();
  /** What the last agent of an absent service held. */
  const kept = new Map<string, Claim>();

  function portInUse(service: string, port: number): boolean {
    const held = [...claims.values()].some((of) => of.get(service)?.port === port);
    return held || kept.get(service)?.port === port;
  }

  function giveWay(claim: Claim): void {
    claim.lease?.release();
    claim.lease = null;
  }

  function drop(service: string, claim: Claim): void {
    giveWay(claim);
    for (const release of claim.release.splice(0)) release();
    const { port } = claim;
    claim.port = null;
    if (port !== null && !portInUse(service, port)) ports.release(port);
  }

  /** A port that the service has and this agent may share, so that a reconnect finds its own again. */
  function heldPort(
    { identity }: ServerSession,
    { name, port: wanted }: ServiceOffer,
  ): number | null {
    const held = [kept.get(name), ...[...claims.values()].map((of) => of.get(name))];
    const fits = (port: number): boolean =>
      wanted === port || (wanted === 0 && portInRanges(port, identity.ports));
    return held.find((claim) => claim?.port && fits(claim.port))?.port ?? null;
  }

  /** Everything of the offer but the name. Answers where the service can be reached. */
  async function claimAddresses(
    session: ServerSession,
    offer: ServiceOffer,
    claim: Claim,
  ): Promise<string[]> {
    const { name, port } = offer;
    const urls = addresses.claim(offer, claim.release);
    if (port !== undefined) {
      const { ports: within } = session.identity;
      claim.port = heldPort(session, offer) ?? (await ports.listen(port, name, within));
      urls.push(`tcp://${options.publicUrl().hostname}:${claim.port}`);
    }
    if (urls.join('').length <= SERVICE_URLS_MAX_CHARS) return urls;
    const why = `its addresses take more than ${SERVICE_URLS_MAX_CHARS} characters; give it fewer hosts or a shorter path`;
    throw new SallyportError('CONFIG_INVALID', `service ${name}: ${why}`);
  }

  async function register(session: ServerSession, offer: ServiceOffer): Promise<Registered> {
    const { name } = offer;
    check(session, offer);
    const own = claims.get(session.id) ?? new MostlyOne<string, Claim>();
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
    const policy: ServicePolicy = {
      kind: offer.kind,
      exclusive: offer.exclusive ?? null,
      balance: offer.balance ?? options.balance(),
    };
    registry.check(name, policy);
    const claim: Claim = { offer, release: [], port: null, urls: [], lease: null, joined: false };
    claims.set(session.id, own.set(name, claim));
    try {
      claim.lease = options.quotas?.offer(session.identity, name) ?? null;
      const { identity } = session;
      await permit(session, name);
      const urls = await claimAddresses(session, offer, claim);
      if (session.identity !== identity) check(session, offer);
      if (own.get(name) !== claim) {
        const why = 'its agent left while the port was being opened';
        throw new SallyportError('SESSION_CLOSED', `service ${name}: ${why}`);
      }
      const displaced = registry.join(name, session.upstream, policy);
      claim.joined = true;
      claim.urls = urls;
      events.publish('service.up', {
        ...served(session, name),
        kind: offer.kind,
        urls: brief(urls),
      });
      if (displaced !== null) options.displaced(displaced, offer);
      dropKept(name);
      return {
        type: 'registered',
        ref: 0,
        urls,
        ...(claim.port === null ? {} : { port: claim.port }),
      };
    } catch (thrown) {
      if (own.get(name) === claim) own.delete(name);
      drop(name, claim);
      throw thrown;
    }
  }

  function permit({ identity, peer }: ServerSession, service: string): Promise<void> | undefined {
    if (options.policy === undefined) return undefined;
    const subject = { identity, service, target: null, consumer: peer, key: null };
    return demand(options.policy, { action: 'register', ...subject });
  }

  function check(session: ServerSession, offer: ServiceOffer): void {
    const { name, hosts = [], sni = [] } = offer;
    if (!isServiceName(name)) {
      throw new SallyportError('NAME_INVALID', `service ${quoted(name)}: not a valid name`);
    }
    const denied = mayRegister(session.identity, registrationOf(offer));
    if (denied !== null) throw denied;
    const address = [...hosts, ...sni].find(
      (host) => net.isIP(canonicalHost(host.replace(/^\*\./, '')) ?? '') !== 0,
    );
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
      if (claim.joined) events.publish('service.down', served(session, name));
      drop(name, claim);
    },

    services: (session) => [...(claims.get(session.id)?.keys() ?? [])],

    outOfScope(session, service) {
      const claim = claims.get(session.id)?.get(service);
      if (claim === undefined) return null;
      // With the port that it got, where it asked for any.
      const { offer, port } = claim;
      const held = port === null ? offer : { ...offer, port };
      return mayRegister(session.identity, registrationOf(held));
    },

    permit,

    leave(session) {
      const own = claims.get(session.id);
      if (own === undefined) return;
      claims.delete(session.id);
      for (const [name, claim] of own.entries()) {
        own.delete(name);
        registry.leave(name, session.upstream);
        if (claim.joined) events.publish('service.down', served(session, name));
        giveWay(claim);
        if (claim.joined && !registry.present(name)) kept.set(name, claim);
        else drop(name, claim);
      }
    },

    urls(service) {
      const held = [kept.get(service), ...[...claims.values()].map((of) => of.get(service))];
      return [...new Set(held.flatMap((claim) => claim?.urls ?? []))];
    },

    vanished: dropKept,
  };
}

/** As an event names it. */
function served({ id, identity }: ServerSession, service: string) {
  return { service, session: id, identity: identity.name };
}

/** As many of the addresses as an event may hold. */
function brief(urls: readonly string[]): string[] {
  let room = EVENT_TEXT_MAX_CHARS;
  return urls.filter((url) => (room -= url.length) >= 0);
}

/** What of an offer the scopes of an identity have to cover. */
function registrationOf({ name, hosts = [], sni = [], port }: ServiceOffer): Registration {
  return { name, hosts: [...hosts, ...sni], ...(port === undefined ? {} : { port }) };
}
