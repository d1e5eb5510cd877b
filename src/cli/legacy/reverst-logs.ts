/** The log of reverst's server: a line of `key=value` for each event, on standard output. */
import type { Writable } from 'node:stream';
import { SallyportError } from '../../errors.ts';
import { lineSink, type LineSink } from '../../observe/line-sink.ts';
import { createLogger, type Logger } from '../../observe/logger.ts';
import type { FfFlag } from './ff-flags.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

export const logFlag = {
  short: 'l',
  value: 'LEVEL',
  help: 'debug, info, warn or error',
  initial: 'info',
} as const satisfies FfFlag;

/** Throws USAGE. */
export function createReverstLog(written: string, stdout: Writable): Logger {
  const level = levels.find((name) => name === written.toLowerCase());
  if (level === undefined)
    throw new SallyportError('USAGE', `log: write one of ${levels.join(', ')}`);
  return createLogger({ level, format: 'json', sinks: [inLogfmt(lineSink(stdout))] });
}

/** The lines of the logger, which are JSON, in the form of the originals. */
function inLogfmt(sink: LineSink): LineSink {
  return {
    write: (line, severity) => sink.write(logfmtLine(line), severity),
    flush: () => sink.flush(),
    get dropped() {
      return sink.dropped;
    },
    set dropped(dropped) {
      sink.dropped = dropped;
    },
  };
}

/** `line` is one of JSON, with its end. */
export function logfmtLine(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const head = { time, level: String(level).toUpperCase(), msg };
  const pairs = Object.entries({ ...head, ...fields });
  return `${pairs.map(([key, value]) => `${key}=${shown(value)}`).join(' ')}\n`;
}

/** Bare where nothing in it could be taken for an end. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[!#-<>-~]+$/.test(text) ? text : JSON.stringify(text);
}
