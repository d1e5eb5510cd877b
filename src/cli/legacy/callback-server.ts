/** `sallyport callback server`: a server that speaks callback, open to everybody as the original is. */
import { allScopes } from '../../access/identity.ts';
import { createToken } from '../../access/tokens.ts';
import { createCallbackDialect } from '../../compat/callback/dialect.ts';
import { SallyportError } from '../../errors.ts';
import { formatAddress, parseListenAddress, type HostPort } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import { createServer } from '../../server/server.ts';
import type { Invocation } from '../invocation.ts';
import { createLegacyLog, logFlags, signalName } from './callback-logs.ts';
import { parseGoDuration } from './go-duration.ts';
import type { KingpinArguments, KingpinFlag } from './kingpin-flags.ts';

export const serverFlags = {
  'listen.addr': {
    value: 'tcp://HOST:PORT',
    help: 'Where to listen. May be repeated.',
    initial: 'tcp://0.0.0.0:8080',
    many: true,
  },
  'http.context-path': {
    value: '/PATH',
    help: 'Put before every path, for a proxy that shares its host.',
    initial: '',
  },
  'http.local-networks': {
    value: 'CIDR,…',
    help: 'Peers whose Forwarded and X-Forwarded-For fields are believed.',
    initial: '127.0.0.0/8',
  },
  'proxy.timeout': {
    value: 'DURATION',
    help: 'How long a connection waits for a callbackreverse that was lost.',
    initial: '3s',
  },
  'proxy.buffer-size': {
    value: 'BYTES',
    help: 'Taken for the sake of older scripts: buffers find their size by themselves.',
    initial: '1024',
  },
  'debug.static-proxy': {
    value: 'URL',
    help: 'Taken for the sake of older scripts: the page is built in.',
  },
  ...logFlags,
} as const satisfies Record<string, KingpinFlag>;

/** Runs until it is told to end; connections end with it. Throws LISTEN_FAILED and USAGE. */
export async function runServer(
  flags: KingpinArguments<keyof typeof serverFlags>,
  invocation: Invocation,
): Promise<number> {
  const { signal, env, version } = invocation;
  const log = createLegacyLog(flags, invocation, false);
  const [listen, ...alsoListen] = flags.list('listen.addr').map(listenAddress);
  const networks = flags.text('http.local-networks')!;
  const given = env['SALLYPORT_TOKEN'];
  const server = await createServer({
    listen,
    alsoListen,
    // Native agents and consumers get in with this; nobody is told one that was made here.
    identities: [{ name: 'default', token: given ?? createToken(), ...allScopes }],
    program: `sallyport/${version}`,
    log,
    trustedProxies: networks.split(',').filter((network) => network !== ''),
    dialects: [
      createCallbackDialect({
        open: ['*'],
        page: true,
        contextPath: flags.text('http.context-path')!.replace(/\/$/, ''),
        awayMs: parseGoDuration(flags.text('proxy.timeout')!, 'proxy.timeout'),
      }),
    ],
  });
  if (flags.text('debug.static-proxy') !== undefined)
    log.warn({}, 'debug.static-proxy has no effect: the page is built in');
  log.warn(
    {},
    'every id is open to everybody: whoever reaches this server may register and reach ids',
  );
  for (const address of [server.address, ...alsoListen])
    log.info({}, `Listening on tcp://${formatAddress(address)}`);
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  log.info({}, `Terminating on signal: ${signalName(signal)}`);
  await server.close(0);
  return 0;
}

/** As Go names networks: `tcp://`, `tcp4://`, `tcp6://`. Throws USAGE. */
function listenAddress(text: string): HostPort {
  const [, network, address] = /^([a-z0-9]+):\/\/(.*?)\/?$/.exec(text) ?? [];
  if (network === 'unix') {
    const why = 'Unix sockets are not listened on; listen on a port of 127.0.0.1';
    throw new SallyportError('USAGE', `listen.addr ${quoted(text)}: ${why}`);
  }
  if (network === undefined || !/^tcp[46]?$/.test(network))
    throw new SallyportError('USAGE', `listen.addr ${quoted(text)}: write tcp://HOST:PORT`);
  return parseListenAddress(address, network === 'tcp6' ? '::' : '0.0.0.0');
}
