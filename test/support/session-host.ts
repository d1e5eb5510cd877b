/** A session at the server whose host writes down what it is asked, and does what the test says. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createIdentities } from '../../src/access/identities.ts';
import type { Role } from '../../src/access/identity.ts';
import type { Registered, ServiceOffer } from '../../src/attach/messages.ts';
import { ServerSession, type SessionHost } from '../../src/attach/server-session.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { Session, Stream, StreamReceiver } from '../../src/session/session.ts';
import { connectRawClient, type RawClient } from './raw-client.ts';
import { until } from './wait.ts';

export const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
const token = 'sp_token-of-the-session-tests';
export const offer: ServiceOffer = { name: 'web', kind: 'http' };
export const registered: Registered = {
  type: 'registered',
  ref: 0,
  urls: ['http://web.localhost/'],
};

export class Host implements SessionHost {
  readonly program = 'srv/1';
  readonly watched = new Set<Session>();
  readonly heartbeat = {
    add: (session: Session) => void this.watched.add(session),
    remove: (session: Session) => void this.watched.delete(session),
    close() {},
  };
  readonly told: string[] = [];
  readonly offers: ServiceOffer[] = [];
  readonly streams: Stream[] = [];
  answer: () => Promise<Registered> = () => Promise.resolve(registered);
  admit: () => void = () => {};

  attached(): void {
    this.admit();
    this.told.push('attached');
  }

  register(_session: ServerSession, service: ServiceOffer): Promise<Registered> {
    this.offers.push(service);
    return this.answer();
  }

  unregister(_session: ServerSession, name: string): void {
    this.told.push(`unregister ${name}`);
  }

  accept(_session: ServerSession, stream: Stream): StreamReceiver {
    this.streams.push(stream);
    return nobody;
  }

  left(): void {
    this.told.push('left');
  }

  detached(_session: ServerSession, error: SallyportError | null): void {
    this.told.push(`detached ${error?.code ?? 'in order'}`);
  }
}

export interface AttachedRaw {
  readonly client: RawClient;
  readonly host: Host;
  readonly session: ServerSession;
  cut(): void;
}

/** Connects; the identity has the roles. */
export async function attachRaw(
  t: TestContext,
  roles: readonly Role[] = ['agent', 'consumer'],
): Promise<AttachedRaw> {
  const { link, client, cut } = await connectRawClient(t);
  const host = new Host();
  const identities = createIdentities([{ name: 'ann', token, roles }]);
  const identity = identities.authenticate(`Bearer ${token}`)!;
  const session = new ServerSession('s1', link, identity, '192.0.2.1:5', host);
  return { client, cut, host, session };
}

/** The code that the session ends with, the same at both ends. */
export async function ends(client: RawClient, host: Host, code: string): Promise<string> {
  const ending = await client.ending();
  assert.ok(ending !== null);
  assert.equal(ending.code, code, ending.message);
  await until('the host is told', () => host.told.includes(`detached ${code}`));
  assert.equal(host.watched.size, 0);
  return ending.message;
}
