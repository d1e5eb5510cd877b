/** `sallyport reverst http`: registers with a server of reverst, and passes its requests to one address. */
import { createReverstClient } from '../../compat/reverst/client/client.ts';
import { authorizationOf } from '../../compat/reverst/client/credentials.ts';
import { createRequestTarget } from '../../compat/reverst/client/request-target.ts';
import { SallyportError } from '../../errors.ts';
import { DRAIN_GRACE_MS } from '../../limits.ts';
import { parseDialAddress } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import { formatTarget, parseTarget } from '../../net/target.ts';
import type { Invocation } from '../invocation.ts';
import type { OwnWords } from '../advice.ts';
import { logLost } from '../logs.ts';
import { createAccessLog } from '../../observe/access-writer.ts';
import { describeFf, fromVariables, parseFf, type FfArguments, type FfFlag } from './ff-flags.ts';
import { parsePositiveDuration } from './go-duration.ts';
import { readNamedFile } from './named-file.ts';
import { readFlagFile } from './reverst-config.ts';
import { createReverstLog, logFlag } from './reverst-logs.ts';

const flags = {
  log: logFlag,
  'tunnel-address': {
    short: 'a',
    value: 'HOST:PORT',
    help: 'where the server takes tunnels, by QUIC over UDP',
    initial: '127.0.0.1:7171',
  },
  'server-name': {
    short: 'n',
    value: 'NAME',
    help: 'the name that the certificate of the server holds',
    required: true,
  },
  'tunnel-group': {
    short: 'g',
    value: 'GROUP',
    help: 'the group to register with; without it the one named as the server',
  },
  'cacert-path': {
    short: 'c',
    value: 'FILE',
    help: 'certificates (PEM) to trust beside the public ones',
  },
  insecure: { help: 'the certificate of the server is not verified' },
  username: { value: 'NAME', help: 'for a group that asks for a user and a password' },
  password: {
    value: 'PASSWORD',
    help: 'its password; others can read command lines, but not REVERST_PASSWORD',
  },
  token: {
    value: 'TOKEN',
    help: 'for a group that asks for a token; others can read command lines, but not REVERST_TOKEN',
  },
  scheme: { value: 'WORD', help: 'stands in front of the credentials instead of Basic or Bearer' },
  'max-idle-timeout': {
    value: 'DURATION',
    help: 'silence after which the connection is lost',
    initial: '1m',
  },
  'keep-alive-period': {
    value: 'DURATION',
    help: 'time between signs of life, at most 20s and half of the idle timeout',
    initial: '30s',
  },
  config: {
    value: 'FILE',
    help: 'YAML with values for these flags, by their long names; it may be absent',
    initial: 'config.yml',
  },
  'insecure-target': {
    help: 'the certificate of an https ADDR is not verified (not in the original)',
  },
  'keep-trying': {
    help: 'goes on even when the server refuses the credentials (not in the original)',
  },
} as const satisfies Record<string, FfFlag>;

const ownWords: OwnWords = [
  ['the URL in --server', 'the address in --tunnel-address'],
  ['--ca', '--cacert-path'],
  ['the token: the server does not know it', '--username and --password, or --token'],
  [
    'the name: no service of that name is registered',
    '--tunnel-group, and the groups of the server',
  ],
];

type Flags = FfArguments<keyof typeof flags>;

export const httpProgram = {
  usage: `USAGE
  sallyport reverst http [FLAGS] ADDR

  ADDR: a port of this machine, HOST:PORT, http://HOST:PORT, https://HOST or unix:/PATH

FLAGS
${describeFf(flags)}
  Each may be given as a variable, such as REVERST_TUNNEL_ADDRESS.
`,
  /** Flags that are none end with 1, as in the original; what the server refused shows by its code. */
  words: ownWords,
  exitCode: ({ code, exit }: SallyportError): number => (code === 'USAGE' ? 1 : exit),
  run,
};

async function run(args: readonly string[], invocation: Invocation): Promise<number> {
  const { directory, signal, stdout } = invocation;
  const given = readFlags(args, invocation);
  if (given.help) {
    stdout.write(httpProgram.usage);
    return 0;
  }
  const [addr, ...surplus] = given.rest;
  if (addr === undefined) throw usage('ADDR is missing: say where requests go, such as 3000');
  if (surplus.length > 0) throw usage(`${quoted(surplus[0])}: flags stand before ADDR`);
  const target = parseTarget(addr);
  const serverName = given.text('server-name') ?? '';
  if (serverName === '') throw usage('server-name must be non-empty string');
  const group = given.text('tunnel-group') ?? serverName;
  const server = parseDialAddress(given.text('tunnel-address')!, 'tunnel-address');
  const ca = given.text('cacert-path');
  const log = createReverstLog(given.text('log')!, stdout);
  const client = createReverstClient({
    server,
    serverName,
    ...(ca !== undefined && { ca: readNamedFile(directory, ca, 'cacert-path') }),
    insecure: given.on('insecure'),
    group,
    authorization: authorization(given),
    target: createRequestTarget(target, given.on('insecure-target')),
    idleTimeoutMs: parsePositiveDuration(given.text('max-idle-timeout')!, 'max-idle-timeout'),
    keepAliveMs: parsePositiveDuration(given.text('keep-alive-period')!, 'keep-alive-period'),
    keepTrying: given.on('keep-trying'),
    drainGraceMs: DRAIN_GRACE_MS,
    accessLog: createAccessLog(log, true),
    events: {
      registered: () => log.info({ group, target: formatTarget(target) }, 'registered'),
      lost(error, waitMs, again) {
        if (!again) logLost(log, error, waitMs, ownWords);
        else log.debug({ code: error?.code, waitMs }, 'not connected yet; dialling again');
      },
    },
  });
  await client.run(signal);
  return 0;
}

/** Flags come before variables, and those before the file. */
function readFlags(args: readonly string[], { env, directory }: Invocation): Flags {
  const variable = fromVariables(env, 'REVERST');
  const file = parseFf(args, flags, variable).text('config')!;
  const values = readFlagFile(directory, file, Object.keys(flags));
  return parseFf(args, flags, (name) => variable(name) ?? values.get(name));
}

function authorization(given: Flags): string | null {
  const scheme = given.text('scheme') || undefined;
  const words = scheme === undefined ? {} : { scheme };
  const username = given.text('username') ?? '';
  if (username !== '')
    return authorizationOf({ username, password: given.text('password') ?? '', ...words });
  const token = given.text('token') ?? '';
  return token === '' ? null : authorizationOf({ token, ...words });
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
