/** `sallyport wstunnel srv`: a server that speaks WStunnel, open to every token as the original is. */
import { allScopes } from '../../access/identity.ts';
import { createToken } from '../../access/tokens.ts';
import { createWstunnelServer } from '../../compat/wstunnel/dialect.ts';
import { SallyportError } from '../../errors.ts';
import { WSTUNNEL_WAIT_MS } from '../../limits.ts';
import { formatAddress, parseListenAddress } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import { createServer } from '../../server/server.ts';
import type { Invocation } from '../invocation.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { clampedSeconds, commonFlags, openLogs, secondsOf, writePid } from './wstunnel-logs.ts';

export const srvFlags = {
  port: { value: 'PORT', help: 'port to listen on', initial: '80' },
  host: { value: 'ADDRESS', help: 'address to listen on', initial: '0.0.0.0' },
  wstimeout: {
    value: 'SECONDS',
    help: 'an agent that is silent for so long has gone: 3 to 600',
    initial: '30',
  },
  httptimeout: {
    value: 'SECONDS',
    help: 'a request that is not answered by then gets 504',
    initial: '1200',
  },
  syslog: {
    value: 'FACILITY|URL',
    help: 'log to the syslog at udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH; a facility stands for udp://127.0.0.1:514',
  },
  robowhois: { value: 'TOKEN', help: 'taken for the sake of older scripts; nothing is looked up' },
  ...commonFlags,
} as const satisfies Record<string, GoFlag>;

const facility = /^(?:local[0-7]|[a-z]+)$/i;

/** Runs until it is told to end; tunnels end with it. Throws LISTEN_FAILED, USAGE and CONFIG_INVALID. */
export async function runSrv(
  flags: GoArguments<keyof typeof srvFlags>,
  invocation: Invocation,
): Promise<number> {
  const { signal, env, version } = invocation;
  const listen = listenAddress(flags.text('host')!, flags.text('port')!);
  const silenceMs = clampedSeconds(flags.text('wstimeout')!, 'wstimeout') * 1_000;
  const responseTimeoutMs =
    Math.max(1, secondsOf(flags.text('httptimeout')!, 'httptimeout')) * 1_000;
  const syslog = flags.text('syslog');
  if (syslog !== undefined && flags.text('logfile') !== undefined)
    throw new SallyportError('USAGE', 'syslog: give either -syslog or -logfile');
  const address =
    syslog === undefined ? undefined : facility.test(syslog) ? 'udp://127.0.0.1:514' : syslog;
  await using logs = openLogs(flags, invocation, address);
  const { log } = logs;
  const token = env['SALLYPORT_TOKEN'];
  const server = await createServer({
    listen,
    // Native agents and operators get in with this. Nobody is told one that was made here, so there
    // is nobody to read figures and events.
    identities: [{ name: 'default', token: token ?? createToken(), ...allScopes }],
    ...(token === undefined && { metrics: false, eventsKept: 0 }),
    program: `sallyport/${version}`,
    log,
    trustedProxies: ['127.0.0.0/8', '::1/128'],
    responseTimeoutMs,
    dialects: [
      createWstunnelServer({
        open: true,
        alone: true,
        silenceMs,
        waitMs: Math.min(WSTUNNEL_WAIT_MS, responseTimeoutMs),
      }),
    ],
  });
  writePid(flags, invocation);
  if (flags.text('robowhois') !== undefined)
    log.warn({}, 'robowhois has no effect: addresses are not looked up');
  log.info({ ...server.address }, `Listening on ${formatAddress(server.address)}`);
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  await server.close(0);
  return 0;
}

/** Throws USAGE. */
function listenAddress(host: string, port: string) {
  if (!/^\d{1,5}$/.test(port))
    throw new SallyportError('USAGE', `port ${quoted(port)}: not a number of a port`);
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return parseListenAddress(`${bracketed}:${port}`, '0.0.0.0');
}
