import { createCertificateAuthenticator } from '../../src/access/authenticate/certificate-authenticator.ts';
import { createOpenAuthenticator } from '../../src/access/authenticate/open-authenticator.ts';
import { bearer, certificate, credentials } from '../support/credentials.ts';
import { authenticatorConformance } from './authenticator.ts';

const present = (changed: Parameters<typeof certificate>[0]) =>
  credentials({ certificate: certificate(changed) });

authenticatorConformance('mtls', async () => ({
  authenticator: createCertificateAuthenticator({
    type: 'mtls',
    name: 'devices',
    certificates: ['CN:agent-*', 'URI:spiffe://test/*', `SHA256:${'cd'.repeat(32)}`],
    roles: ['agent'],
    names: ['*'],
  }),
  right: [
    [present({}), 'devices:agent-7'],
    [present({ subject: '', names: ['URI:spiffe://test/eight'] }), 'devices:spiffe://test/eight'],
    [present({ subject: 'x', fingerprint: 'cd'.repeat(32) }), `devices:${'cd'.repeat(32)}`],
  ],
  wrong: [
    bearer('agent-7'),
    present({ subject: 'Agent-7', names: [] }),
    present({ subject: '', names: ['DNS:agent-7', 'EMAIL:CN:agent-7'] }),
    present({ expiresAt: Date.now() - 1 }),
  ],
}));

authenticatorConformance('insecure', async () => ({
  authenticator: createOpenAuthenticator(
    { type: 'insecure', name: 'lab', roles: ['consumer'], names: ['*'] },
    () => {},
  ),
  right: [
    [credentials(), 'lab:anonymous'],
    [bearer('anything'), 'lab:anonymous'],
  ],
  wrong: [],
  open: true,
}));
