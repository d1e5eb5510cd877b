/** Who may register in a group: whoever presents what one of its ways to authenticate asks for. */
import { createExternalAuthenticator } from '../../access/authenticate/external-authenticator.ts';
import type { Authenticator } from '../../access/authenticator.ts';
import { SallyportError } from '../../errors.ts';
import { isClusterPath } from './cluster-path.ts';
import {
  expectHash,
  expectSecret,
  expectText,
  matches,
  readPresented,
  type Expected,
  type Presented,
} from './credentials.ts';
import type { GroupAuthentication, TokenSource } from './group-authentication.ts';
import type { SecretEvents, SecretSource } from './groups-source.ts';
import type { Group } from './groups.ts';

/** A client as its group judges it. */
export interface Registrant {
  readonly group: string;
  /** As it came; null without. */
  readonly authorization: string | null;
  /** `ip:port`. */
  readonly peer: string;
}

/** What a client was let in by: null where everybody is. */
export type Admittance = { readonly presented: Presented; readonly endpoint: string | null } | null;

export interface GroupDoor {
  /** Rejects with AUTH_REQUIRED, AUTH_FAILED, or AUTH_UNAVAILABLE where it cannot be found out. */
  admit(registrant: Registrant): Promise<Admittance>;
  /** Whether who was let in so would be let in now, as far as that can be told without asking anybody. */
  stillAdmits(admittance: Admittance): boolean;
  close(): void;
}

export interface GroupDoorOptions {
  openSecret(path: string, events: SecretEvents): SecretSource;
  /** A secret has changed: who was let in may be so no more. */
  changed(): void;
  /** Something keeps clients out that should get in. The message holds no secret. */
  trouble(error: SallyportError): void;
}

interface Comparison {
  readonly part: 'plain' | 'decoded';
  readonly expected: Expected;
}

interface Enquiry {
  readonly endpoint: string;
  readonly authenticator: Authenticator;
}

type Way = Comparison | Enquiry;

/** Throws CONFIG_INVALID for a path or an endpoint that is none. */
export function createGroupDoor(group: Group, options: GroupDoorOptions): GroupDoor {
  using opened = new DisposableStack();
  const ways = new Map<string, Way>();
  const of = `group ${group.name}`;

  function expectToken({ from, hashed, value }: TokenSource): Expected {
    if (from === 'text') return hashed ? expectHash(value) : expectText(value);
    const source = options.openSecret(value, options);
    opened.defer(() => source.close());
    // What originals read from a cluster is a hash, whatever the key is called.
    return expectSecret(source, hashed || (isClusterPath(value) && 'either'));
  }

  function enquire(endpoint: string): Enquiry {
    const authenticator = createExternalAuthenticator(
      { type: 'external', name: of, url: endpoint, roles: [] },
      (why) => options.trouble(new SallyportError('AUTH_UNAVAILABLE', `${of}: ${why}`)),
    );
    opened.defer(() => authenticator.close());
    return { endpoint, authenticator };
  }

  function wayOf(way: GroupAuthentication): Way {
    if (way.kind === 'external') return enquire(way.endpoint);
    return way.kind === 'bearer'
      ? { part: 'plain', expected: expectToken(way.token) }
      : { part: 'decoded', expected: expectText(`${way.username}:${way.password}`) };
  }

  for (const authentication of group.authentication)
    ways.set(authentication.scheme.toLowerCase(), wayOf(authentication));
  const everything = opened.move();

  async function asks(
    { endpoint, authenticator }: Enquiry,
    { authorization, peer }: Registrant,
    presented: Presented,
  ): Promise<Admittance> {
    const place = { service: group.name, method: 'QUIC', host: '', path: '/' };
    const asked = { authorization, certificate: null, peer, ...place };
    const identity = await authenticator.authenticate(asked);
    if (identity === null) throw unknown(of);
    return { presented, endpoint };
  }

  return {
    async admit(registrant) {
      if (ways.size === 0) return null;
      const { authorization } = registrant;
      if (authorization === null)
        throw new SallyportError('AUTH_REQUIRED', `${of}: the client gave no authorization`);
      const presented = readPresented(authorization);
      const way = presented === null ? undefined : ways.get(presented.scheme);
      if (presented === null || way === undefined) throw unknown(of);
      if ('endpoint' in way) return asks(way, registrant, presented);
      if (!matches(presented[way.part], way.expected)) throw unknown(of);
      return { presented, endpoint: null };
    },

    stillAdmits(admittance) {
      if (ways.size === 0) return true;
      if (admittance === null) return false;
      const { presented, endpoint } = admittance;
      const way = ways.get(presented.scheme);
      if (way === undefined) return false;
      return 'endpoint' in way
        ? way.endpoint === endpoint
        : matches(presented[way.part], way.expected);
    },

    close: () => everything.dispose(),
  };
}

function unknown(of: string): SallyportError {
  return new SallyportError('AUTH_FAILED', `${of}: the credentials are not those it asks for`);
}
