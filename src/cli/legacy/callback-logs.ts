/** The log options that all three programs of callback share. */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';
import { createLogger, type Logger } from '../../observe/logger.ts';
import type { Invocation } from '../invocation.ts';
import type { KingpinArguments, KingpinFlag } from './kingpin-flags.ts';

export const logFlags = {
  'log-level': {
    value: 'LEVEL',
    help: 'The least important lines to log: debug, info, warn, error or fatal.',
    initial: 'info',
  },
  'log-format': {
    value: 'TARGET',
    help: 'Where to log: logger:stderr or logger:stdout, with ?json=true for JSON.',
    initial: 'logger:stderr',
  },
} as const satisfies Record<string, KingpinFlag>;

const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Throws USAGE. `dataOnStdout`: nothing but data may go there. */
export function createLegacyLog(
  flags: KingpinArguments<keyof typeof logFlags>,
  { stdout, stderr }: Pick<Invocation, 'stdout' | 'stderr'>,
  dataOnStdout: boolean,
): Logger {
  const written = flags.text('log-level')!;
  const level = levels.find((name) => name === written);
  if (level === undefined)
    throw usage(`log-level: ${quoted(written)} is none of ${levels.join(', ')}`);
  const target = flags.text('log-format')!;
  const [, place, query] = /^logger:([a-z]+)(?:\?(.*))?$/.exec(target) ?? [];
  if (place === 'syslog' || place === 'eventlog') {
    throw usage(
      `log-format: this program does not log to ${place}; let a service manager do it, or logger(1)`,
    );
  }
  if (place !== 'stderr' && place !== 'stdout')
    throw usage(`log-format: ${quoted(target)} is neither logger:stderr nor logger:stdout`);
  if (place === 'stdout' && dataOnStdout)
    throw usage('log-format: standard output carries the connection; log to logger:stderr');
  const json = new URLSearchParams(query ?? '').get('json') === 'true';
  return createLogger({
    level,
    format: json ? 'json' : 'pretty',
    stream: place === 'stdout' ? stdout : stderr,
  });
}

/** What a signal is called in the log line that tells of it. */
export function signalName(signal: AbortSignal): string {
  return String(signal.reason).includes('SIGINT') ? 'interrupt' : 'terminated';
}

function usage(message: string): SallyportError {
  return new SallyportError('USAGE', message);
}
