import { createJwtAuthenticator } from '../../src/access/authenticate/jwt-authenticator.ts';
import { bearer, credentials } from '../support/credentials.ts';
import { ISSUER, startIssuer } from '../support/issuer.ts';
import { authenticatorConformance } from './authenticator.ts';

for (const from of ['a URL', 'a file'] as const) {
  authenticatorConformance(`jwt, keys from ${from}`, async (t) => {
    const issuer = await startIssuer(t);
    const keys =
      from === 'a URL' ? { keysUrl: issuer.url } : { keys: JSON.stringify({ keys: issuer.keys }) };
    const authenticator = createJwtAuthenticator(
      {
        type: 'jwt',
        name: 'company',
        issuer: ISSUER,
        audience: ['sallyport'],
        roles: ['consumer'],
        names: ['*'],
        ...keys,
      },
      () => {},
    );
    const now = Math.floor(Date.now() / 1000);
    const token = await issuer.token();
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    return {
      authenticator,
      right: [
        [bearer(token), 'company:ann'],
        [bearer(await issuer.token({ sub: 'bob x', aud: ['a', 'sallyport'] })), 'company:bob%20x'],
      ],
      wrong: [
        bearer(forged),
        bearer(await issuer.token({ exp: now - 60 })),
        bearer(await issuer.token({ aud: 'others' })),
        credentials({ authorization: `Basic ${btoa(`ann:${token}`)}` }),
      ],
    };
  });
}

authenticatorConformance('jwt, whose keys cannot be had', async (t) => {
  const issuer = await startIssuer(t);
  const token = await issuer.token();
  const authenticator = createJwtAuthenticator(
    {
      type: 'jwt',
      name: 'company',
      issuer: ISSUER,
      audience: ['sallyport'],
      roles: ['consumer'],
      keysUrl: issuer.url,
    },
    () => {},
  );
  return {
    authenticator,
    right: [[bearer(token), 'company:ann']],
    wrong: [],
    cut() {
      issuer.answer = (_, response) => void response.writeHead(500).end();
    },
  };
});
