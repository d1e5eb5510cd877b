/** `sallyport callback proxy`: standard input and output joined to a callback id, for ssh's ProxyCommand. */
import { tunnelUrl } from '../../compat/callback/client-url.ts';
import { runProxy as proxy } from '../../compat/callback/proxy.ts';
import { processStdio } from '../../consumer/stdio.ts';
import { SallyportError } from '../../errors.ts';
import type { Invocation } from '../invocation.ts';
import { leaveAfterHangup } from '../hangup.ts';
import { clientFlags, wayOutOf } from './callback-client.ts';
import { createLegacyLog, logFlags, signalName } from './callback-logs.ts';
import { parseGoDuration } from './go-duration.ts';
import type { KingpinArguments, KingpinFlag } from './kingpin-flags.ts';

export const proxyFlags = {
  ...clientFlags,
  'http.user': {
    value: 'USER',
    help: 'User for a proxy before the server, or for the server itself (HTTP Basic).',
    variable: 'CALLBACKPROXY_USER',
  },
  'http.password': {
    value: 'PASSWORD',
    help: 'Its password. Others on this machine can read command lines: better in CALLBACKPROXY_PASSWORD.',
    variable: 'CALLBACKPROXY_PASSWORD',
  },
  'strip-prefix': { value: 'TEXT', help: 'Taken off the beginning of the id.' },
  'strip-suffix': { value: 'TEXT', help: 'Taken off the end of the id.' },
  ...logFlags,
} as const satisfies Record<string, KingpinFlag>;

/** Ends with 0 when the other side has ended, when nobody reads the output, or by a signal, and with 1 when it broke off. */
export async function runProxy(
  flags: KingpinArguments<keyof typeof proxyFlags>,
  invocation: Invocation,
): Promise<number> {
  const { signal, env, version } = invocation;
  const log = createLegacyLog(flags, invocation, true);
  const id = stripped(flags.positionals[0], flags.text('strip-prefix'), flags.text('strip-suffix'));
  const url = tunnelUrl(flags.text('server')!, 'connect', id);
  const timeoutMs = parseGoDuration(flags.text('timeout')!, 'timeout');
  const user = flags.text('http.user') ?? '';
  const password = flags.text('http.password') ?? '';
  const login = Buffer.from(`${user}:${password}`).toString('base64');
  log.debug({}, `Callback Server Endpoint: ${url.href}`);
  const leaving = leaveAfterHangup(signal);
  const stdio = processStdio();
  try {
    await proxy(
      {
        url,
        headers: {
          'User-Agent': `sallyport/${version}`,
          ...(user === '' && password === '' ? {} : { Authorization: `Basic ${login}` }),
        },
        wayOut: wayOutOf(url, env),
        timeoutMs,
        duplex: stdio,
      },
      leaving,
    );
  } catch (thrown) {
    if (stdio.readerGone) return 0;
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    const { code, message, advice } = thrown;
    log.error({ code, fix: advice }, `Failed to connect to callback server: ${message}`);
    return 1;
  }
  if (signal.aborted) log.info({}, `Terminating on signal: ${signalName(signal)}`);
  return 0;
}

function stripped(id: string, prefix = '', suffix = ''): string {
  const behind = id.startsWith(prefix) ? id.slice(prefix.length) : id;
  return suffix !== '' && behind.endsWith(suffix) ? behind.slice(0, -suffix.length) : behind;
}
