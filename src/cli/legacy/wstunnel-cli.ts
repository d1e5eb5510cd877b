/** `sallyport wstunnel cli`. */
import { runWstunnelClient } from '../../compat/wstunnel/client.ts';
import { createOriginPattern } from '../../agent/x-host/origin-pattern.ts';
import { SallyportError } from '../../errors.ts';
import { RENDEZVOUS_TOKEN_MIN_CHARS } from '../../limits.ts';
import { parsePortRanges } from '../../net/ports.ts';
import { parseProxy } from '../../transport/outgoing/proxy.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import type { Invocation } from '../invocation.ts';
import type { OwnWords } from '../advice.ts';
import { logLost } from '../logs.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { readNamedFile, readSecretFile } from './named-file.ts';
import {
  clampedSeconds,
  commonFlags,
  openLogs,
  writeNamedFile,
  writePid,
} from './wstunnel-logs.ts';

export const cliFlags = {
  tunnel: { value: 'URL', help: 'the server: ws://HOST:PORT or wss://HOST:PORT' },
  token: {
    value: 'TOKEN',
    help: 'rendez-vous token of 16 characters or more; others can read command lines: see -tokenfile',
  },
  tokenfile: { value: 'FILE', help: 'file that holds the token (not in the original)' },
  server: {
    value: 'URL',
    help: 'http or https server that requests without X-Host are sent to',
  },
  regexp: { value: 'REGEXP', help: 'what X-Host may name: http://HOST:PORT or https://HOST:PORT' },
  insecure: { help: 'certificates of https servers behind this client are not verified' },
  timeout: {
    value: 'SECONDS',
    help: 'a server that is silent for so long has gone: 3 to 600',
    initial: '30',
  },
  proxy: {
    value: 'URL',
    help: 'http, https or socks5 proxy to go through, with USER:PASSWORD@ where it asks for a login; without it the one that HTTPS_PROXY or HTTP_PROXY names',
  },
  'client-ports': {
    value: 'PORTS',
    help: 'local ports to dial from, such as 8000..8100,8500',
  },
  ca: {
    value: 'FILE',
    help: 'certificates (PEM) to trust when the tunnel is wss (not in the original)',
  },
  statusfile: { value: 'FILE', help: 'file that tells when the server was last heard' },
  ...commonFlags,
} as const satisfies Record<string, GoFlag>;

export const cliWords: OwnWords = [
  ['--server', '-tunnel'],
  ['--token, --token-file or SALLYPORT_TOKEN', '-token or -tokenfile'],
];

type Flags = GoArguments<keyof typeof cliFlags>;

/** Runs until it is told to end. Throws USAGE and CONFIG_INVALID. */
export async function runCli(flags: Flags, invocation: Invocation): Promise<number> {
  const { directory, signal } = invocation;
  const url = tunnelUrl(flags.text('tunnel'));
  const server = serverUrl(flags.text('server'));
  const token = tokenOf(flags, invocation);
  const regexp = flags.text('regexp');
  if (server === null && regexp === undefined) throw usage('one of -server and -regexp is needed');
  const allowed = regexp === undefined ? null : createOriginPattern(regexp);
  const silenceMs = clampedSeconds(flags.text('timeout')!, 'timeout') * 1_000;
  const statusFile = flags.text('statusfile');
  const wayOut = wayOutOf(flags, invocation);
  await using logs = openLogs(flags, invocation);
  const { log } = logs;
  writePid(flags, invocation);
  await runWstunnelClient(
    {
      url,
      token,
      choice: { server, allowed },
      insecure: flags.on('insecure'),
      wayOut,
      silenceMs,
      events: {
        connected: () => log.info({ tunnel: url.host }, 'WS   ready'),
        lost: (error, waitMs) => logLost(log, error, waitMs, cliWords),
        failed: ({ failure, ...line }) => log.warn({ ...line, error: failure }, 'HTTP RET'),
        alive() {
          if (statusFile !== undefined) writeStatus(directory, statusFile, log);
        },
      },
    },
    signal,
  );
  return 0;
}

function writeStatus(directory: string, file: string, log: { warn(o: object, t: string): void }) {
  const now = new Date();
  const time = `${now.toISOString().slice(0, 19)}Z`;
  const unix = Math.floor(now.getTime() / 1_000);
  try {
    writeNamedFile(directory, file, 'statusfile', `Unix: ${unix}\nTime: ${time}\n`);
  } catch (thrown) {
    log.warn({ error: (thrown as Error).message }, 'the status file is not written');
  }
}

/** A URL that cannot be read is not repeated: it may hold a password. */
function tunnelUrl(text: string | undefined): URL {
  if (text === undefined) throw usage('tunnel: name the server, such as ws://HOST:PORT');
  const url = /^wss?:\/\//.test(text) ? URL.parse(`${text.replace(/\/$/, '')}/_tunnel`) : null;
  if (url !== null && url.username === '' && url.search === '' && url.hash === '') return url;
  throw usage('tunnel: write ws://HOST:PORT or wss://HOST:PORT');
}

function serverUrl(text: string | undefined): URL | null {
  if (text === undefined) return null;
  const url = /^https?:\/\//.test(text) ? URL.parse(text) : null;
  if (url !== null && url.username === '' && url.search === '' && url.hash === '') return url;
  throw usage('server: write http://HOST:PORT or https://HOST:PORT');
}

/** What every server refuses is refused here, where it can be said. */
function tokenOf(flags: Flags, { directory }: Invocation): string {
  const file = flags.text('tokenfile');
  const token =
    file === undefined ? flags.text('token') : readSecretFile(directory, file, 'tokenfile');
  if (token === undefined || token === '') throw usage('token: give the rendez-vous token');
  if (token.length < RENDEZVOUS_TOKEN_MIN_CHARS)
    throw usage(`token: servers take ${RENDEZVOUS_TOKEN_MIN_CHARS} characters or more`);
  if (/[^ -~]|^ | $/.test(token)) throw usage('token: it holds more than printable ASCII');
  return token;
}

/** As in the original, variables for HTTPS come first, and they are good for ws as well. */
function wayOutOf(flags: Flags, { directory, env }: Invocation): WayOut {
  const ca = flags.text('ca');
  const proxy = flags.text('proxy');
  const ports = flags.text('client-ports');
  const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
  const named = names.map((name) => env[name]).find((value) => value);
  return {
    env: named === undefined ? env : { ...env, https_proxy: named, http_proxy: named },
    ...(ca !== undefined && { tls: { ca: readNamedFile(directory, ca, 'ca') } }),
    ...(proxy !== undefined && { proxy: parseProxy(proxy) }),
    ...(ports !== undefined && { localPorts: parsePortRanges(ports.replaceAll('..', '-')) }),
  };
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
