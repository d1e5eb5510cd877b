/** The log of both programs of sokken: JSON lines with the keys of the originals, on stderr or in a file. */
import type { Writable } from 'node:stream';
import path from 'node:path';
import { SallyportError } from '../../errors.ts';
import type { ClosedSink, LineSink } from '../../observe/line-sink.ts';
import { lineSink } from '../../observe/line-sink.ts';
import { openLogFile } from '../../observe/log-file.ts';
import { createLogger, type Logger } from '../../observe/logger.ts';
import type { Invocation } from '../invocation.ts';
import { reportWarning } from '../report.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { sokkenLine, type Tell } from './sokken-lines.ts';

export const logFlags = {
  'log-debug': { help: 'sets log level to DEBUG rather than INFO' },
  'log-file': { value: 'string', help: 'sets path of log file, if absent log to stderr' },
  'log-max-age-days': { value: 'int', help: 'max file age before rotation', initial: '1' },
  'log-max-rotated': { value: 'int', help: 'number of rotated files to keep', initial: '7' },
  'log-max-size-mb': { value: 'int', help: 'max file size before rotation', initial: '10' },
  'log-pretty': {
    help: 'logs to console, in colourful non-json format - overrides log-file option',
  },
} as const satisfies Record<string, GoFlag>;

const DAY_MS = 86_400_000;
const MB = 1024 * 1024;

export interface LegacyLog extends AsyncDisposable {
  readonly log: Logger;
  /** For lines of which there are many. */
  readonly tell: Tell;
}

/** Throws USAGE, and CONFIG_INVALID when the file cannot be opened. */
export function createSokkenLog(
  flags: GoArguments<keyof typeof logFlags>,
  { directory, stdout, stderr }: Pick<Invocation, 'directory' | 'stdout' | 'stderr'>,
): LegacyLog {
  const level = flags.on('log-debug') ? 'debug' : 'info';
  const file = flags.text('log-file');
  if (flags.on('log-pretty')) {
    const log = createLogger({ level, format: 'pretty', stream: stderr, color: true });
    const tell: Tell = (severity, fields, message) => log[severity](fields, message);
    return { log, tell, async [Symbol.asyncDispose]() {} };
  }
  const opened =
    file === undefined || file === '' ? null : openFile(file, flags, directory, stderr);
  if (opened !== null) stdout.write(`logging to ${file}\n`);
  const sink = opened ?? lineSink(stderr);
  return {
    log: createLogger({ level, format: 'json', sinks: [inOldKeys(sink)] }),
    tell(severity, fields, message) {
      sink.write(sokkenLine(severity, fields, message), severity);
      sink.flush();
    },
    async [Symbol.asyncDispose]() {
      await opened?.close();
    },
  };
}

/** 0 stands for no limit of age and number, and for the 100 MB of the original's library. */
function openFile(
  file: string,
  flags: GoArguments<keyof typeof logFlags>,
  directory: string,
  stderr: Writable,
): ClosedSink {
  const days = wholeNumber(flags, 'log-max-age-days');
  const rotated = wholeNumber(flags, 'log-max-rotated');
  const size = wholeNumber(flags, 'log-max-size-mb');
  return openLogFile({
    file: path.resolve(directory, file),
    maxBytes: (size > 0 ? size : 100) * MB,
    ...(rotated > 0 ? { maxFiles: rotated } : {}),
    ...(days > 0 ? { maxAgeMs: days * DAY_MS } : {}),
    failed: ({ message }) => reportWarning(`log file ${file}: ${message}`, stderr, false),
  });
}

/** The value of a flag that takes a whole number. Throws USAGE. */
export function wholeNumber<Name extends string>(flags: GoArguments<Name>, name: Name): number {
  const text = flags.text(name)!;
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text);
  throw new SallyportError('USAGE', `invalid value for flag -${name}: it takes a whole number`);
}

/** `message` in place of `msg`, behind the time, which has whole seconds. */
function inOldKeys(sink: LineSink): LineSink {
  return {
    write(line, severity) {
      const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const seconds = String(time).replace(/\.\d+Z$/, 'Z');
      const old = { level, ...fields, time: seconds, message: msg };
      sink.write(`${JSON.stringify(old)}\n`, severity);
    },
    flush: () => sink.flush(),
    get dropped() {
      return sink.dropped;
    },
    set dropped(dropped) {
      sink.dropped = dropped;
    },
  };
}
