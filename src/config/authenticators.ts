/** Ways to find out who somebody is, besides the tokens of the identities. */
import { z } from 'zod';
import { jwtAlgorithms } from '../access/authenticate/jwt-algorithms.ts';
import { TOKENS } from '../access/identities.ts';
import { EXTERNAL_AUTH_REMEMBERED_MS, JWT_LEEWAY_MS } from '../limits.ts';
import { calledUrl, certificateRule, serviceName } from './grammar.ts';
import { names, otherScopes, roles } from './scopes.ts';
import { choice, duration, formatDuration, list, option, text } from './values.ts';

const MINUTE_MS = 60_000;

const jwt = {
  jwks_url: option(calledUrl(), {
    value: 'URL',
    secret: true,
    help: 'jwt: where the issuer publishes its keys (JWKS).',
  }).optional(),
  jwks_file: option(text(), {
    value: 'FILE',
    path: true,
    help: 'jwt: the keys themselves, instead: a JWKS, or public keys or certificates in PEM.',
  }).optional(),
  issuer: option(text(), {
    value: 'TEXT',
    help: 'jwt: what `iss` has to be.',
  }).optional(),
  audience: option(list(text()), {
    value: 'TEXT',
    help: 'jwt: what has to be in `aud`, one of these.',
  }).optional(),
  algorithms: option(list(choice(jwtAlgorithms)), {
    value: jwtAlgorithms.join('|'),
    help: 'jwt: signatures that count. Default: EdDSA, ES256, RS256.',
  }).optional(),
  leeway: option(duration({ min: 0, max: 10 * MINUTE_MS }), {
    value: 'DURATION',
    help: `jwt: how far the clock of the issuer may be off. Default: ${formatDuration(JWT_LEEWAY_MS)}.`,
  }).optional(),
  name_claim: option(text(), {
    value: 'CLAIM',
    help: 'jwt: names the identity, behind that of the authenticator and a colon. Default: sub.',
  }).optional(),
  scopes_claim: option(text(), {
    value: 'CLAIM',
    help: 'jwt: holds texts such as sallyport:role:agent or sallyport:name:web-*, which are granted besides what is written here.',
  }).optional(),
};

const external = {
  url: option(calledUrl(), {
    value: 'URL',
    secret: true,
    help: 'external: is asked by GET about every Authorization field; 200 lets it in, 401 and 403 do not.',
  }).optional(),
  name_field: option(text(), {
    value: 'FIELD',
    help: 'external: header field of the answer that names the identity. Default: `name` in its body, where that is JSON.',
  }).optional(),
  remember: option(duration({ min: 0, max: MINUTE_MS }), {
    value: 'DURATION',
    help: `external: for how long the same is not asked again after a 200. Default: ${formatDuration(EXTERNAL_AUTH_REMEMBERED_MS)}.`,
  }).optional(),
};

const mtls = {
  certificates: option(list(certificateRule()), {
    value: 'RULE',
    help: 'mtls: what a client certificate has to say, one of these: CN:, DNS:, URI:, EMAIL: or IP: and a GLOB, or SHA256: and the fingerprint. What matches names the identity. Needs tls_client_ca.',
  }).optional(),
};

const authority = option(text(), {
  value: 'FILE',
  path: true,
  help: 'jwt, external: certificates (PEM) of the authority that signed that of the URL.',
}).optional();

const types = ['jwt', 'external', 'mtls', 'insecure'] as const;
type Type = (typeof types)[number];

const authenticator = z
  .strictObject({
    name: option(serviceName(), {
      value: 'NAME',
      help: `Names the authenticator in logs and in services, and stands before the names of its identities. \`${TOKENS}\` is taken.`,
    }),
    type: option(choice(types), {
      value: types.join('|'),
      help: 'jwt: JSON Web Tokens of an issuer. external: a service of yours is asked. mtls: client certificates. insecure: everybody is let in.',
    }),
    ...jwt,
    ...external,
    ca: authority,
    ...mtls,
    roles: roles.optional(),
    names: names.optional(),
    ...otherScopes,
  })
  .superRefine((keys, context) => {
    const complain = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message });
    const { type } = keys;
    const own: Record<Type, object> = { jwt, external, mtls, insecure: {} };
    for (const [other, options] of Object.entries(own)) {
      if (other === type) continue;
      for (const key of Object.keys(options) as (keyof typeof keys)[])
        if (keys[key] !== undefined) complain(key, `means nothing for type ${type}; remove it`);
    }
    if (keys.ca !== undefined && type !== 'jwt' && type !== 'external')
      complain('ca', `means nothing for type ${type}; remove it`);
    for (const key of needed(keys)) if (keys[key] === undefined) complain(key, 'is missing');
    if (type === 'jwt' && (keys.jwks_url === undefined) === (keys.jwks_file === undefined))
      complain('jwks_url', 'must stand here, or jwks_file: one of the two');
    if (keys.name === TOKENS)
      complain('name', 'is that of the authenticator of the identities; choose another');
  });

type Key = keyof typeof jwt | keyof typeof external | keyof typeof mtls | 'roles' | 'names';

function needed({ type, scopes_claim: claim }: { type: Type; scopes_claim?: unknown }): Key[] {
  const scopes: Key[] = claim === undefined ? ['roles', 'names'] : [];
  if (type === 'jwt') return ['issuer', 'audience', ...scopes];
  if (type === 'external') return ['url', ...scopes];
  return type === 'mtls' ? ['certificates', ...scopes] : scopes;
}

export const authenticators = list(authenticator).superRefine((entries, context) => {
  entries.forEach(({ name }, index) => {
    const first = entries.findIndex((entry) => entry.name === name);
    if (first === index) return;
    const message = `is the name of authenticators[${first}] too; choose another`;
    context.addIssue({ code: 'custom', path: [index, 'name'], message });
  });
});

interface Crossing {
  readonly authenticators?: readonly { readonly name: string; readonly type: Type }[] | undefined;
  readonly services?:
    | readonly { readonly authenticators?: readonly string[] | undefined }[]
    | undefined;
  readonly tls_client_ca?: string | undefined;
}

/** What authenticators, services and the listener have to say about each other. */
export function checkAuthenticators(
  { authenticators: listed = [], services = [], tls_client_ca: ca }: Crossing,
  complain: (path: (string | number)[], message: string) => void,
): void {
  const there = new Set([TOKENS, ...listed.map(({ name }) => name)]);
  services.forEach(({ authenticators: asked = [] }, service) => {
    asked.forEach((name, at) => {
      if (there.has(name)) return;
      const known = [...there].join(', ');
      complain(
        ['services', service, 'authenticators', at],
        `is no authenticator; there is ${known}`,
      );
    });
  });
  listed.forEach(({ type }, index) => {
    if (type === 'mtls' && ca === undefined)
      complain(
        ['authenticators', index, 'type'],
        'needs tls_client_ca, which says whose certificates count',
      );
  });
}
