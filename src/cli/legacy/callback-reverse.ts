/** `sallyport callback reverse`: makes a target of this machine reachable through a callback server. */
import { tunnelUrl } from '../../compat/callback/client-url.ts';
import { runReverse as reverse } from '../../compat/callback/reverse.ts';
import { SallyportError } from '../../errors.ts';
import { formatAddress, parseDialAddress } from '../../net/address.ts';
import { createAccessLog } from '../../observe/access-writer.ts';
import type { Invocation } from '../invocation.ts';
import { clientFlags, wayOutOf } from './callback-client.ts';
import { createLegacyLog, logFlags, signalName } from './callback-logs.ts';
import { parseGoDuration } from './go-duration.ts';
import type { KingpinArguments, KingpinFlag } from './kingpin-flags.ts';

export const reverseFlags = {
  ...clientFlags,
  id: { value: 'ID', help: 'The id to be reached by.', required: true },
  connect: {
    value: 'HOST:PORT',
    help: 'What to dial for each connection.',
    required: true,
  },
  forever: { help: 'Connect again whenever the connection ends.', initial: 'true' },
  'reconnect-interval': {
    value: 'DURATION',
    help: 'Pause before connecting again.',
    initial: '1s',
  },
  ...logFlags,
} as const satisfies Record<string, KingpinFlag>;

/** Runs until it is told to end; without `--forever` until the connection ends: that is a failure. */
export async function runReverse(
  flags: KingpinArguments<keyof typeof reverseFlags>,
  invocation: Invocation,
): Promise<number> {
  const { signal, env, version } = invocation;
  const log = createLegacyLog(flags, invocation, false);
  const id = flags.text('id')!;
  const url = tunnelUrl(flags.text('server')!, 'callback', id);
  const connect = flags.text('connect')!;
  const target = parseDialAddress(
    connect.startsWith(':') ? `localhost${connect}` : connect,
    'connect',
  );
  const timeoutMs = parseGoDuration(flags.text('timeout')!, 'timeout');
  const pauseMs = parseGoDuration(flags.text('reconnect-interval')!, 'reconnect-interval');
  const forever = flags.on('forever');
  log.info({ target: formatAddress(target) }, `Callback Server Endpoint: ${url.href}`);
  try {
    await reverse(
      {
        url,
        id,
        target: { kind: 'tcp', ...target, tls: false },
        wayOut: wayOutOf(url, env),
        headers: { 'User-Agent': `sallyport/${version}` },
        timeoutMs,
        reconnectMs: forever ? pauseMs : null,
        accessLog: createAccessLog(log, true),
        events: {
          upgraded: () => log.info({}, 'Connection upgrade successful.'),
          established: () => log.info({}, 'Established callback mux session.'),
          lost(error, waitMs) {
            const why = error?.message ?? 'the server closed the connection';
            log.error({ code: error?.code }, `Disconnected due to error: ${why}`);
            if (waitMs !== null) log.info({ waitMs }, 'Attempting to reconnect.');
          },
        },
      },
      signal,
    );
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'INTERNAL') throw thrown;
    return 1; // it was told as it was lost
  }
  if (!signal.aborted) return 1;
  log.info({}, `Terminating on signal: ${signalName(signal)}`);
  return 0;
}
