/** `sallyport sokken server`: a server that speaks sokken and nothing else. */
import { allScopes } from '../../access/identity.ts';
import { createToken } from '../../access/tokens.ts';
import { createSokkenDialect } from '../../compat/sokken/dialect.ts';
import type { TunnelRequest } from '../../compat/sokken/tunnel.ts';
import type { SokkenEvents } from '../../compat/sokken/tunnels.ts';
import { parseListenAddress } from '../../net/address.ts';
import { createServer } from '../../server/server.ts';
import type { Invocation } from '../invocation.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { readSecretFile } from './named-file.ts';
import { endingSignal, lasted } from './sokken-end.ts';
import type { Tell } from './sokken-lines.ts';
import { logFlags, wholeNumber, type LegacyLog } from './sokken-logs.ts';

export const serverFlags = {
  ...logFlags,
  'max-connections': {
    value: 'int',
    help: 'when reached further connections are rejected',
    initial: '100',
  },
  keyfile: {
    value: 'FILE',
    help: 'every client has to give the key that this file holds (not in the original)',
  },
} as const satisfies Record<string, GoFlag>;

/** Runs until a signal ends it: that is a failure. Throws LISTEN_FAILED, USAGE and CONFIG_INVALID. */
export async function runServer(
  flags: GoArguments<keyof typeof serverFlags>,
  [api, ...allow]: readonly string[],
  { directory, signal, version }: Invocation,
  { log, tell }: LegacyLog,
): Promise<number> {
  const keyFile = flags.text('keyfile');
  const key = keyFile === undefined ? null : readSecretFile(directory, keyFile, 'keyfile');
  const maxConnections = wholeNumber(flags, 'max-connections');
  const server = await createServer({
    listen: parseListenAddress(api, '0.0.0.0'),
    // Without a key nobody but clients of sokken gets in, so nobody is told this token.
    identities: [{ name: 'sokken', token: key ?? createToken(), ...allScopes }],
    program: `sallyport/${version}`,
    log,
    accessLog: false,
    dialects: [
      createSokkenDialect({
        allow,
        maxConnections,
        auth: key === null ? 'none' : 'token',
        events: tellTunnels(tell),
      }),
    ],
  });
  // Whoever reads that it listens may end it at once.
  const ending = endingSignal(signal);
  log.info({}, `max connections: ${maxConnections}`);
  log.info(
    { port: server.address.port },
    `listening on ${api}, tunnelling to: [${allow.join(' ')}]`,
  );
  const name = await ending;
  await server.close(0);
  log.fatal({}, `got signal '${name}', exiting`);
  return 1;
}

function tellTunnels(tell: Tell): SokkenEvents {
  const fields = ({ target, client, forwardedFor, clientName, identity }: TunnelRequest) => ({
    target,
    client,
    'x-forwarded-for': forwardedFor ?? '',
    ...(clientName === null ? {} : { 'client-name': clientName }),
    ...(identity === null ? {} : { identity: identity.name }),
  });
  return {
    rejected: (client, active) =>
      tell('error', { client }, `rejecting client since we have ${active} connections`),
    dialing: (request) => tell('info', fields(request), `dialing ${request.target}`),
    joined: (request, active) =>
      tell('info', { ...fields(request), 'active-connections': active }, 'plumbing start'),
    failed(request, error) {
      const denied = error.code === 'TARGET_DENIED' || error.code === 'USAGE';
      const what = denied ? `target address not allowed: ${request.target}` : 'Dial error';
      tell('error', { ...fields(request), code: error.code, error: error.message }, what);
    },
    over(request, active, ms, error) {
      const why = error === null ? {} : { code: error.code, error: error.message };
      const figures = { 'active-connections': active, 'plumbing-duration-ms': ms };
      tell(
        'info',
        { ...fields(request), ...figures, ...why },
        `plumbing end, lasted ${lasted(ms)}`,
      );
    },
  };
}
