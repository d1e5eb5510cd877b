/** What clients present in tests. */
import type { ClientCertificate, Credentials } from '../../src/access/authenticator.ts';

/** Of a client at the attach door that presents nothing, changed as said. */
export function credentials(changed: Partial<Credentials> = {}): Credentials {
  return {
    authorization: null,
    certificate: null,
    peer: '192.0.2.1:40000',
    service: null,
    method: 'GET',
    host: 'own.test',
    path: '/api/v1/attach',
    ...changed,
  };
}

export const bearer = (token: string): Credentials =>
  credentials({ authorization: `Bearer ${token}` });

export const basic = (user: string, password: string): Credentials =>
  credentials({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  });

export function certificate(changed: Partial<ClientCertificate> = {}): ClientCertificate {
  return {
    subject: 'agent-7',
    names: ['DNS:seven.agents.test'],
    fingerprint: 'ab'.repeat(32),
    expiresAt: Date.now() + 3_600_000,
    ...changed,
  };
}
