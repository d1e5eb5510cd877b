/** Where both programs of WStunnel log to, and the file that holds their process id. */
import fs from 'node:fs';
import path from 'node:path';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';
import type { Invocation } from '../invocation.ts';
import { createLogs, type Logs } from '../logs.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';

export const commonFlags = {
  pidfile: { value: 'FILE', help: 'file that gets the process id' },
  logfile: { value: 'FILE', help: 'log to this file instead of stderr' },
  h: { help: 'print this' },
  help: { help: 'print this' },
} as const satisfies Record<string, GoFlag>;

/** `syslog` is an address. Throws CONFIG_INVALID. */
export function openLogs(
  flags: GoArguments<keyof typeof commonFlags>,
  { directory, stderr }: Invocation,
  syslog?: string,
): Logs {
  const file = flags.text('logfile');
  return createLogs(
    {
      logLevel: 'info',
      logFormat: 'auto',
      logMaxSize: Number.MAX_SAFE_INTEGER,
      logMaxFiles: 0,
      ...(file === undefined ? {} : { logFile: path.resolve(directory, file) }),
      ...(syslog === undefined ? {} : { syslog }),
    },
    stderr,
  );
}

/** Throws CONFIG_INVALID. */
export function writePid(
  flags: GoArguments<keyof typeof commonFlags>,
  { directory }: Invocation,
): void {
  const file = flags.text('pidfile');
  if (file !== undefined) writeNamedFile(directory, file, 'pidfile', `${process.pid}\n`);
}

/** Throws CONFIG_INVALID. */
export function writeNamedFile(directory: string, file: string, what: string, text: string): void {
  try {
    fs.writeFileSync(path.resolve(directory, file), text);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = `cannot write ${quoted(file)}: ${code}`;
    throw new SallyportError('CONFIG_INVALID', `${what}: ${why}`, { cause });
  }
}

/** Seconds of a flag, forced into 3 to 600 where the originals do. Throws USAGE. */
export function secondsOf(text: string, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new SallyportError('USAGE', `${what}: ${quoted(text)} is no whole number of seconds`);
}

export function clampedSeconds(text: string, what: string): number {
  return Math.min(Math.max(secondsOf(text, what), 3), 600);
}
