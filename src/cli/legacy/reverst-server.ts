/** `sallyport reverst server`: a server that speaks reverst and nothing else. */
import path from 'node:path';
import { allScopes } from '../../access/identity.ts';
import { createToken } from '../../access/tokens.ts';
import { createReverstServer, type ReverstEvents } from '../../compat/reverst/dialect.ts';
import { SallyportError } from '../../errors.ts';
import { REVERST_SHUTDOWN_GRACE_MS } from '../../limits.ts';
import { formatAddress, parseListenAddress } from '../../net/address.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import type { Logger } from '../../observe/logger.ts';
import type { ProbeListener } from '../../observe/probe-listener.ts';
import type { Server } from '../../server/handle.ts';
import { createServer } from '../../server/server.ts';
import type { Invocation } from '../invocation.ts';
import { placesOfGroups } from '../reverst-groups.ts';
import { describeFf, fromVariables, parseFf, type FfArguments, type FfFlag } from './ff-flags.ts';
import { parsePositiveDuration } from './go-duration.ts';
import { createReverstLog, logFlag } from './reverst-logs.ts';
import { createReverstMetrics, openManagement, type ReverstMetrics } from './reverst-metrics.ts';

const flags = {
  log: logFlag,
  'tunnel-address': {
    short: 'a',
    value: 'HOST:PORT',
    help: 'where clients register, by QUIC over UDP',
    initial: '127.0.0.1:7171',
  },
  'http-address': {
    short: 's',
    value: 'HOST:PORT',
    help: 'where HTTP requests are served',
    initial: '127.0.0.1:8181',
  },
  'tunnel-groups': {
    short: 'g',
    value: 'FILE',
    help: 'the groups: a file, file://PATH, or k8s://configmap/NAMESPACE/NAME/KEY',
    initial: 'groups.yml',
  },
  'server-name': {
    short: 'n',
    value: 'NAME',
    help: 'the name that clients look for in the certificate',
    required: true,
  },
  'private-key-path': {
    short: 'k',
    value: 'FILE',
    help: 'private key (PEM) of the certificate',
    required: true,
  },
  'certificate-path': {
    short: 'c',
    value: 'FILE',
    help: 'certificate chain (PEM) that clients are shown',
    required: true,
  },
  'max-idle-timeout': {
    value: 'DURATION',
    help: 'silence after which a connection is lost',
    initial: '1m',
  },
  'keep-alive-period': {
    value: 'DURATION',
    help: 'time between signs of life',
    initial: '30s',
  },
  'management-address': {
    value: 'HOST:PORT',
    help: 'where metrics are served, at /metrics; without it nowhere',
  },
  'watch-groups': { short: 'w', help: 'the groups are read again when they change' },
  'trusted-proxies': {
    value: 'CIDR,…',
    help: 'proxies whose X-Forwarded-Host names the host, and which say who asks (not in the original)',
    initial: '127.0.0.0/8,::1/128',
  },
} as const satisfies Record<string, FfFlag>;

type Flags = FfArguments<keyof typeof flags>;

/** No host of a group can be this one: it is the server's own, and nobody has to know it. */
const DOMAIN = 'reverst.invalid';

export const serverProgram = {
  usage: `USAGE
  sallyport reverst server [FLAGS]

FLAGS
${describeFf(flags)}
  Each may be given as a variable, such as REVERST_TUNNEL_ADDRESS.
`,
  run,
};

/** Runs until it is told to end. Throws USAGE, CONFIG_INVALID, LISTEN_FAILED and QUIC_UNAVAILABLE. */
async function run(args: readonly string[], invocation: Invocation): Promise<number> {
  const { env, signal, stdout } = invocation;
  const given = parseFf(args, flags, fromVariables(env, 'REVERST'));
  if (given.help) {
    stdout.write(serverProgram.usage);
    return 0;
  }
  if (given.rest.length > 0) throw usage('there is a word that no flag takes');
  for (const name of ['server-name', 'private-key-path', 'certificate-path'] as const)
    if ((given.text(name) ?? '') === '') throw usage(`${name} must be non-empty string`);
  const log = createReverstLog(given.text('log')!, stdout);
  const management = given.text('management-address') ?? '';
  const metrics = management === '' ? null : createReverstMetrics();
  await using opened = new AsyncDisposableStack();
  const server = await openServer(given, invocation, log, metrics);
  opened.defer(() => server.close(REVERST_SHUTDOWN_GRACE_MS));
  if (server.quicAddress === null)
    throw new SallyportError('QUIC_UNAVAILABLE', 'reverst: clients cannot register without QUIC');
  if (metrics !== null) {
    const listener = await openManagement(parseListenAddress(management, '0.0.0.0'), metrics);
    opened.defer(() => listener.close());
    tellListening(log, 'Management listener starting...', listener.address);
  }
  tellListening(log, 'QUIC tunnel listener starting...', server.quicAddress);
  tellListening(log, 'HTTP listener starting...', server.address);
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  log.info({}, 'Stopping tunnel listener');
  return 0;
}

function tellListening(log: Logger, message: string, address: ProbeListener['address']): void {
  log.info({ addr: formatAddress(address) }, message);
}

function openServer(
  given: Flags,
  { env, directory, version }: Invocation,
  log: Logger,
  metrics: ReverstMetrics | null,
): Promise<Server> {
  const file = (name: 'certificate-path' | 'private-key-path'): string =>
    path.resolve(directory, given.text(name)!);
  const trusted = given
    .text('trusted-proxies')!
    .split(',')
    .filter((cidr) => cidr !== '');
  const told = [tellEvents(log), ...(metrics === null ? [] : [metrics])];
  const watch = given.on('watch-groups');
  return createServer({
    listen: parseListenAddress(given.text('http-address')!, '0.0.0.0'),
    quicListen: parseListenAddress(given.text('tunnel-address')!, '0.0.0.0'),
    quic: {
      tls: { cert: file('certificate-path'), key: file('private-key-path') },
      idleTimeoutMs: parsePositiveDuration(given.text('max-idle-timeout')!, 'max-idle-timeout'),
      keepAliveMs: parsePositiveDuration(given.text('keep-alive-period')!, 'keep-alive-period'),
    },
    domain: DOMAIN,
    // Native agents get in with this; nobody is told one that was made here.
    identities: [{ name: 'default', token: env['SALLYPORT_TOKEN'] ?? createToken(), ...allScopes }],
    program: `sallyport/${version}`,
    log,
    accessLog: false,
    witness: witnessOf(log, metrics),
    metrics: false,
    trustedProxies: trusted,
    routeByForwardedHost: true,
    dialects: [
      createReverstServer({
        groups: given.text('tunnel-groups')!,
        places: placesOfGroups({ directory, watch, env }),
        alone: true,
        events: {
          refused: (client, error) => told.forEach((one) => one.refused(client, error)),
          joined: (client) => told.forEach((one) => one.joined(client)),
          left: (client, error) => told.forEach((one) => one.left(client, error)),
          groups: (groups) => told.forEach((one) => one.groups(groups)),
          unknownHost: (host) => log.debug({ host }, 'Unexpected client host requested'),
        },
      }),
    ],
  });
}

/** In the words of the original. */
function tellEvents(log: Logger): Omit<ReverstEvents, 'unknownHost'> {
  return {
    groups(groups) {
      for (const { name, hosts } of groups)
        log.info({ name, hosts: hosts.join(' ') }, 'Registering tunnel group');
    },
    refused({ group, peer }, { code, message }) {
      const unauthorized = code === 'AUTH_REQUIRED' || code === 'AUTH_FAILED' || code === 'DENIED';
      if (unauthorized)
        log.error({ group, peer, code, reason: message }, 'listener request unauthorized');
      else log.error({ group, peer, code, error: message }, 'Closing connection');
    },
    joined: ({ group, peer }) => log.info({ group, peer }, 'Server registered'),
    left({ group, peer }, error) {
      const why = error === null ? {} : { code: error.code, error: error.message };
      log.info({ group, peer, ...why }, 'Closing connection');
    },
  };
}

/** Requests are told of at level debug only, as in the original. */
function witnessOf(log: Logger, metrics: ReverstMetrics | null): AccessLog {
  const verbose = log.isLevelEnabled('debug');
  return {
    stream() {},
    request(line) {
      metrics?.accessLog.request(line);
      if (!verbose) return;
      const { id, host, method, path: asked, status, ms, consumer, outcome } = line;
      const fields = { id, host, method, path: asked, status, ms: Math.round(ms) };
      log.debug({ ...fields, consumer, outcome }, 'Finished handling request');
    },
  };
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
