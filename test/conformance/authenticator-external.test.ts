import { createExternalAuthenticator } from '../../src/access/authenticate/external-authenticator.ts';
import { startAuthService } from '../support/auth-service.ts';
import { bearer, credentials } from '../support/credentials.ts';
import { authenticatorConformance } from './authenticator.ts';

authenticatorConformance('external', async (t) => {
  const service = await startAuthService(t);
  const authenticator = createExternalAuthenticator(
    { type: 'external', name: 'sso', url: service.url, roles: ['consumer'], names: ['*'] },
    () => {},
  );
  return {
    authenticator,
    right: [[bearer('right'), 'sso:ann']],
    wrong: [bearer('wrong'), credentials({ authorization: 'Bearer right, Bearer right' })],
    cut: () => service.close(),
  };
});
