/** `sallyport sokken client`: local ports that lead to the addresses of servers. */
import os from 'node:os';
import { createSokkenClient, type SokkenClientEvents } from '../../compat/sokken/client.ts';
import { healthAnswer } from '../../compat/sokken/health.ts';
import { CLIENT_FIELD, HEALTH_PATH } from '../../compat/sokken/protocol.ts';
import type { LocalRequest, SokkenRoute } from '../../compat/sokken/route.ts';
import { SallyportError } from '../../errors.ts';
import { formatAddress, parseListenAddress } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import { createProbeListener } from '../../observe/probe-listener.ts';
import type { Invocation } from '../invocation.ts';
import { wayOutOf } from './callback-client.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { readNamedFile, readSecretFile } from './named-file.ts';
import { endingSignal, lasted } from './sokken-end.ts';
import type { Tell } from './sokken-lines.ts';
import { logFlags, wholeNumber, type LegacyLog } from './sokken-logs.ts';

export const clientFlags = {
  ...logFlags,
  'max-connections': {
    value: 'int',
    help: 'when reached further connections are rejected',
    initial: '100',
  },
  ca: {
    value: 'FILE',
    help: 'certificates (PEM) to trust, beside those of the system, when a server has a wss URL (not in the original)',
  },
  keyfile: { value: 'FILE', help: 'file that holds the key for the servers (not in the original)' },
  name: {
    value: 'NAME',
    help: 'what this client is called in the logs of the servers; by default the name of this machine (not in the original)',
  },
} as const satisfies Record<string, GoFlag>;

type Flags = GoArguments<keyof typeof clientFlags>;

/** Runs until a signal ends it: that is a failure. Throws LISTEN_FAILED, USAGE and CONFIG_INVALID. */
export async function runClient(
  flags: Flags,
  [api, ...pairs]: readonly string[],
  invocation: Invocation,
  { log, tell }: LegacyLog,
): Promise<number> {
  const maxConnections = wholeNumber(flags, 'max-connections');
  const routes = routesOf(flags, pairs, invocation);
  const client = await createSokkenClient({ routes, maxConnections, events: tellOf(tell) });
  try {
    const health = await createProbeListener({
      listen: parseListenAddress(api, '0.0.0.0'),
      name: 'health',
      anyMethod: true,
      answer: (path) =>
        path === HEALTH_PATH
          ? healthAnswer(client.active, maxConnections)
          : { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' },
    });
    // Whoever reads that it listens may end it at once.
    const ending = endingSignal(invocation.signal);
    log.info({}, `max connections: ${maxConnections}`);
    log.info({ port: health.address.port }, `health endpoint listening on ${api}`);
    for (const [at, { url }] of routes.entries())
      log.info({ port: client.addresses[at].port }, `tunnelling ${pairs[2 * at]} to ${shown(url)}`);
    const name = await ending;
    await health.close();
    log.fatal({}, `got signal '${name}', exiting`);
    return 1;
  } finally {
    client.close();
  }
}

function routesOf(flags: Flags, pairs: readonly string[], invocation: Invocation): SokkenRoute[] {
  const { directory, env, version } = invocation;
  const [ca, keyFile] = [flags.text('ca'), flags.text('keyfile')];
  const tls = ca === undefined ? {} : { tls: { ca: readNamedFile(directory, ca, 'ca') } };
  const key = keyFile === undefined ? null : readSecretFile(directory, keyFile, 'keyfile');
  const name = flags.text('name') ?? os.hostname();
  const common = {
    'User-Agent': `sallyport/${version}`,
    ...(name === '' ? {} : { [CLIENT_FIELD]: name }),
    ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
  };
  return Array.from({ length: pairs.length / 2 }, (_, at) => {
    const url = remoteUrl(pairs[2 * at + 1]);
    const login = loginOf(url);
    return {
      listen: parseListenAddress(pairs[2 * at], '0.0.0.0'),
      url,
      headers: login === null ? common : { ...common, Authorization: `Basic ${login}` },
      wayOut: { ...wayOutOf(url, env), ...tls },
    };
  });
}

/** Throws USAGE; a URL that cannot be read is not repeated: it may hold a password. */
function remoteUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^(?:wss?|https?):$/.test(url.protocol) && url.host !== '') return url;
  throw new SallyportError('USAGE', 'remote URL: write ws://SERVER:PORT/tunnel/HOST:PORT, or wss');
}

/** User and password of the URL as Basic credentials, as Go programs send them. */
function loginOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  const login = `${decoded(username)}:${decoded(password)}`;
  return Buffer.from(login).toString('base64');
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new SallyportError('USAGE', 'remote URL: its user or password is escaped wrongly');
  }
}

/** Without what is secret. */
function shown({ protocol, host, pathname }: URL): string {
  return quoted(`${protocol}//${host}${pathname}`).slice(1, -1);
}

function tellOf(tell: Tell): SokkenClientEvents {
  const fields = ({ local, remote, client }: LocalRequest) => ({
    local: formatAddress(local),
    remote: shown(remote),
    client,
  });
  const why = ({ code, message }: SallyportError) => ({ code, error: message });
  return {
    requested: (request) => tell('info', fields(request), 'tunnel request'),
    rejected: (request, active) =>
      tell('error', fields(request), `rejecting client since we have ${active} connections`),
    joined: (request, active) =>
      tell('info', { ...fields(request), 'active-connections': active }, 'plumbing start'),
    failed: (request, error) =>
      tell('error', { ...fields(request), ...why(error) }, 'failed to dialAndPlumb'),
    over(request, active, ms, error) {
      const figures = { 'active-connections': active, 'plumbing-duration-ms': ms };
      const told = { ...fields(request), ...figures };
      tell('info', told, `plumbing end, lasted ${lasted(ms)}`);
      if (error !== null)
        tell('error', { ...fields(request), ...why(error) }, 'failed to dialAndPlumb');
    },
  };
}
