/**
 * The server of reverst as a dialect: each group of a file is a service, and the clients that register
 * in it by QUIC serve that. Its requests are those of public HTTP: limited, logged and authorised like
 * any other. Native agents may offer the same service beside them.
 */
import { hostOf } from '../../access/authenticate/peer-host.ts';
import { createGuesses } from '../../access/guesses.ts';
import { demand } from '../../access/policy/demand.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { SESSIONS_MAX } from '../../limits.ts';
import { quoted } from '../../net/printable.ts';
import { judgeEach } from '../../registry/rejudge.ts';
import type { ServicePolicy } from '../../registry/services.ts';
import type { Link } from '../../transport/link.ts';
import type { DialectFactory } from '../dialect.ts';
import { readPresented } from './credentials.ts';
import { createEndpoints } from './endpoints.ts';
import { DIALECT, readGreeting, type Greeting } from './greeting.ts';
import type { Admittance } from './group-door.ts';
import { createGroupSet, type GroupEntry } from './group-set.ts';
import type { Places } from './groups-places.ts';
import { Tunnel } from './tunnel.ts';

export interface ReverstServerOptions {
  /** Where the groups are: `groups.yml`, `file://PATH`, `k8s://configmap/…`. */
  readonly groups: string;
  /** Closed with the dialect. */
  readonly places: Places;
  /** The server does nothing else: what it does not know it answers as the original does. Default: false. */
  readonly alone?: boolean;
  readonly events?: ReverstEvents;
}

/** For those who speak of the dialect in words of their own: the log then tells of failures only. */
export interface ReverstEvents {
  /** A client that asked to register was not let in. */
  refused(client: ReverstClient, error: SallyportError): void;
  joined(client: ReverstClient): void;
  /** One that had joined is gone; null: it left in order. */
  left(client: ReverstClient, error: SallyportError | null): void;
  /** The groups are these from now on. */
  groups(groups: readonly { readonly name: string; readonly hosts: readonly string[] }[]): void;
  /** A request came for a host that no group has. */
  unknownHost(host: string): void;
}

export interface ReverstClient {
  readonly group: string;
  /** `ip:port`. */
  readonly peer: string;
}

/** The members of a group share its requests, in turns. */
const policy: ServicePolicy = { kind: 'http', exclusive: null, balance: 'round-robin' };

interface Member extends ReverstClient {
  readonly tunnel: Tunnel;
  readonly admittance: Admittance;
}

/** The factory rejects with CONFIG_INVALID for groups that cannot be used, HOST_TAKEN or HOST_RESERVED for a host. */
export function createReverstServer(options: ReverstServerOptions): DialectFactory {
  return async (host) => {
    const { registry, events } = host;
    const note = (fields: object, message: string): void => {
      if (options.events === undefined) host.log.info(fields, message);
    };
    const guesses = createGuesses();
    const members = new Set<Member>();
    let lastId = 0;
    let draining = false;
    let judging = new AbortController();

    const groups = await createGroupSet({
      spec: options.groups,
      places: options.places,
      routes: host.routes,
      log: host.log,
      taken(now) {
        for (const { name, hosts } of now)
          note({ group: name, hosts: hosts.join(' ') }, 'reverst group is served');
        options.events?.groups(now);
      },
      changed: () => judgeCredentials(),
    }).catch((thrown: unknown) => {
      options.places.close();
      throw thrown;
    });

    function checkRoom(): void {
      if (draining)
        throw new SallyportError('SERVER_DRAINING', 'reverst: the server is shutting down');
      if (members.size >= SESSIONS_MAX)
        throw new SallyportError('SERVER_BUSY', `reverst: ${SESSIONS_MAX} clients are registered`);
    }

    /** Throws SERVICE_UNKNOWN when the group is gone, or asks for something else than before. */
    function checkGroup(name: string, before?: GroupEntry): GroupEntry {
      const entry = groups.get(name);
      if (entry !== undefined && (before === undefined || entry.door === before.door)) return entry;
      throw new SallyportError(
        'SERVICE_UNKNOWN',
        `group ${quoted(name)}: there is none of that name`,
      );
    }

    function permit({ group, peer }: ReverstClient): Promise<void> | undefined {
      const question = { service: group, target: null, consumer: peer, key: null };
      return demand(host.policy, { action: 'register', identity: null, ...question });
    }

    async function identify(
      greeting: Greeting,
      address: string,
    ): Promise<[GroupEntry, Admittance]> {
      const { group, peer, authorization } = greeting;
      guesses.check(address);
      // As much work as for a group that there is.
      if (!groups.has(group)) readPresented(authorization ?? '');
      const entry = checkGroup(group);
      try {
        return [entry, await entry.door.admit(greeting)];
      } catch (thrown) {
        const { code, message: reason } = asSallyportError(thrown);
        if (code === 'AUTH_FAILED') {
          guesses.wrong(address);
          events.publish('auth.failed', { door: 'attach', service: group, peer, reason });
        }
        throw thrown;
      }
    }

    async function admit(greeting: Greeting): Promise<(link: Link) => void> {
      const { group } = greeting;
      const address = hostOf(greeting.peer);
      checkRoom();
      const [entry, admittance] = await identify(greeting, address);
      registry.check(group, policy);
      await permit(greeting);
      checkRoom();
      checkGroup(group, entry);
      registry.check(group, policy);
      if (admittance !== null) guesses.right(address);
      return (link) => join(greeting, admittance, link);
    }

    function join({ group, peer }: Greeting, admittance: Admittance, link: Link): void {
      const session = `r${++lastId}`;
      const client = { session, role: 'agent', identity: '-', peer, protocol: DIALECT } as const;
      const served = { service: group, session, identity: '-' };
      let serving = true;
      const withdraw = (): void => {
        if (!serving) return;
        serving = false;
        if (groups.has(group)) registry.leave(group, tunnel);
        else registry.forget(group, tunnel);
        events.publish('service.down', served);
      };
      const tunnel = new Tunnel(session, link, {
        goneAway: withdraw,
        closed(error) {
          members.delete(member);
          withdraw();
          events.publish('client.down', { ...client, reason: error?.code ?? 'ok' });
          const why = error === null ? {} : { code: error.code, error: error.message };
          note({ service: group, session, peer, ...why }, 'reverst client left');
          options.events?.left(member, error);
        },
      });
      const member: Member = { tunnel, group, peer, admittance };
      members.add(member);
      events.publish('client.up', client);
      registry.join(group, tunnel, policy);
      events.publish('service.up', { ...served, kind: 'http', urls: [] });
      note({ service: group, session, peer }, 'reverst client came');
      options.events?.joined(member);
    }

    /** Ends the members of groups that are gone, and those whose credentials are good no more. */
    function judgeCredentials(): void {
      for (const { tunnel, group, admittance } of members) {
        const door = groups.get(group)?.door;
        if (door === undefined)
          tunnel.close(new SallyportError('SERVICE_UNKNOWN', `group ${group}: it is no more`));
        else if (!door.stillAdmits(admittance))
          tunnel.close(
            new SallyportError('AUTH_FAILED', `group ${group}: its credentials changed`),
          );
      }
    }

    return {
      name: DIALECT,
      endpoints: createEndpoints(options.alone ?? false, (name) =>
        options.events?.unknownHost(name),
      ),
      quic: {
        async admit(value) {
          const greeting = readGreeting(value);
          return admit(greeting).catch((thrown: unknown) => {
            const error = asSallyportError(thrown);
            const { group, peer } = greeting;
            const { code, message } = error;
            note({ group, peer, code, error: message }, 'reverst client not taken');
            options.events?.refused({ group, peer }, error);
            throw error;
          });
        },
      },
      get active() {
        return [...members].reduce((sum, { tunnel }) => sum + tunnel.streams, 0);
      },
      whenAbsent: (service) =>
        groups.has(service) ? { holdMs: 0, queue: 0, answer: options.alone ? 502 : 503 } : null,
      rejudge() {
        judging.abort();
        judging = new AbortController();
        judgeEach<Member>(members.values(), {
          judge: permit,
          refuse: ({ tunnel }, error) => tunnel.close(error),
          signal: judging.signal,
        });
      },
      drain: () => void (draining = true),
      close() {
        judging.abort();
        groups.close();
        for (const { tunnel } of members) tunnel.close(null);
        options.places.close();
      },
    };
  };
}
