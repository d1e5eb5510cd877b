/** `sallyport hubble proxy`: a server that speaks Hubble and nothing else. */
import path from 'node:path';
import { allScopes } from '../../access/identity.ts';
import { createDenyPolicy, createGrantPolicy } from '../../access/policy/grant.ts';
import { createLuaPolicy } from '../../access/policy/lua/driver.ts';
import type { Policy } from '../../access/policy/policy.ts';
import { createToken } from '../../access/tokens.ts';
import { createHubbleProxy } from '../../compat/hubble/proxy.ts';
import { formatAddress, parseListenAddress } from '../../net/address.ts';
import { createLogger, type Logger } from '../../observe/logger.ts';
import { createServer } from '../../server/server.ts';
import type { Invocation } from '../invocation.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { readNamedFile, readSecretFile } from './named-file.ts';

export const proxyFlags = {
  listen: { value: 'ADDRESS', help: 'where agents connect', initial: ':8080' },
  authgrant: { help: 'allow every session' },
  authdeny: { help: 'refuse every session' },
  authlua: { value: 'FILE', help: 'a Lua script decides about every session' },
  keyfile: {
    value: 'FILE',
    help: 'every agent has to give the key that this file holds (not in the original)',
  },
  h: { help: 'print this' },
  help: { help: 'print this' },
} as const satisfies Record<string, GoFlag>;

/** Runs until it is told to end; sessions end with it. Throws LISTEN_FAILED and CONFIG_INVALID. */
export async function runProxy(
  flags: GoArguments<keyof typeof proxyFlags>,
  { directory, signal, version }: Invocation,
): Promise<number> {
  const log = createLogger({ level: 'info', format: 'auto' });
  const keyFile = flags.text('keyfile');
  const key = keyFile === undefined ? null : readSecretFile(directory, keyFile, 'keyfile');
  const server = await createServer({
    listen: parseListenAddress(flags.text('listen')!, '0.0.0.0'),
    // Without a key nobody but Hubble agents gets in, so nobody is told this token.
    identities: [{ name: 'hubble', token: key ?? createToken(), ...allScopes }],
    program: `sallyport/${version}`,
    log,
    policy: sessionsOnly(await policyOf(flags, directory, log)),
    dialects: [createHubbleProxy({ auth: key === null ? 'none' : 'key', alone: true })],
  });
  log.info({}, `Start listening on ${formatAddress(server.address)}`);
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  await server.close(0);
  return 0;
}

async function policyOf(
  flags: GoArguments<keyof typeof proxyFlags>,
  directory: string,
  log: Logger,
): Promise<Policy> {
  if (flags.on('authdeny')) return createDenyPolicy('-authdeny');
  const script = flags.text('authlua');
  if (script !== undefined) {
    readNamedFile(directory, script, 'authlua');
    return createLuaPolicy({ file: path.resolve(directory, script), place: 'authlua' });
  }
  if (!flags.on('authgrant'))
    log.warn({}, 'no -authgrant, -authdeny or -authlua was given: every session is allowed');
  return createGrantPolicy('-authgrant');
}

/** The originals ask about sessions only: every agent may take its name. */
function sessionsOnly(policy: Policy): Policy {
  const registered = { allow: true, reason: 'only sessions are asked about' };
  return {
    authorize: (request, tell) =>
      request.action === 'register' ? registered : policy.authorize(request, tell),
    close: () => policy.close(),
  };
}
