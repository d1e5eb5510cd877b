import { createTokenAuthenticator } from '../../src/access/authenticate/token-authenticator.ts';
import { createIdentities } from '../../src/access/identities.ts';
import { basic, bearer, credentials } from '../support/credentials.ts';
import { authenticatorConformance } from './authenticator.ts';

authenticatorConformance('tokens', async () => ({
  authenticator: createTokenAuthenticator(
    createIdentities([
      { name: 'ann', token: 'right', roles: ['agent'], names: ['*'] },
      { name: 'bob', token: 'bobs', roles: ['consumer'] },
    ]),
  ),
  right: [
    [bearer('right'), 'ann'],
    [basic('ann', 'right'), 'ann'],
    [bearer('bobs'), 'bob'],
  ],
  wrong: [
    bearer('wrong'),
    basic('bob', 'right'),
    basic('nobody', 'right'),
    credentials({ authorization: 'Bearer right, Bearer right' }),
  ],
}));
