/**
 * The log of a process: on stderr, one line for each event, readable on a terminal and JSON
 * everywhere else.
 *
 * Whatever goes in, no line can be forged and no terminal commanded: control characters come out as
 * `\u{hex}`. Values under the names of secrets, and secrets that can be told by their shape, come
 * out masked. Writing never blocks: see line-sink.ts.
 */
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { pino } from 'pino';
import type PinoPretty from 'pino-pretty';
import { SallyportError } from '../errors.ts';
import { LOG_FIELD_MAX_CHARS } from '../limits.ts';
import { printable } from '../net/printable.ts';
import { lineSink, type LineSink, type Severity } from './line-sink.ts';
import { isSecretKey, withoutSecrets } from './secrets.ts';

export type LogFormat = 'auto' | 'pretty' | 'json';

/** Where the lines of a logger go, for those who make lines of their own. */
export interface LogOutput {
  readonly format: 'pretty' | 'json';
  /** Takes one finished line with its line end. Its text is taken as it is. */
  write(line: string): void;
}

export type Logger = pino.Logger & { readonly output: LogOutput };

export interface LoggerOptions {
  readonly level: pino.LevelWithSilent;
  /** `auto` is `pretty` on a terminal and `json` elsewhere. */
  readonly format: LogFormat;
  /** Where lines go instead of the stream. They stay their owner's. */
  readonly sinks?: readonly LineSink[];
  /** Default: stderr. Not ended by the logger. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
  /** Default: on a terminal, unless NO_COLOR is set (https://no-color.org). */
  readonly color?: boolean;
}

/** How deep the causes of an error are followed. */
const CAUSES_MAX = 4;

export function createLogger(options: LoggerOptions): Logger {
  const { level, stream = process.stderr } = options;
  const terminal = options.sinks === undefined && stream.isTTY === true;
  const format = options.format === 'auto' ? (terminal ? 'pretty' : 'json') : options.format;
  const sinks = options.sinks ?? [lineSink(stream)];
  const toLine =
    format === 'json'
      ? toJsonLine
      : prettyPrinter(options.color ?? (terminal && !process.env['NO_COLOR']));
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields, error: errorFields },
    },
    {
      write(line: string) {
        const fields = JSON.parse(line, clean) as { level: Severity };
        const text = toLine(fields);
        for (const sink of sinks) {
          sink.write(text, fields.level);
          sink.flush();
        }
      },
    },
  );
  for (const sink of sinks) {
    sink.dropped = (count) =>
      logger.warn({ count }, 'log lines were dropped: the reader of the log was too slow');
  }
  const write = (line: string): void => {
    for (const sink of sinks) sink.write(line);
  };
  return Object.assign(logger, { output: { format, write } as const });
}

function toJsonLine(fields: object): string {
  return `${JSON.stringify(fields)}\n`;
}

/** Loads the printer only where it is used: commands whose errors go to a pipe start sooner. */
function prettyPrinter(colorize: boolean): (fields: object) => string {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  return prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: [],
  });
}

/** JSON.parse's reviver: sees every value of a line, at any depth. */
function clean(key: string, value: unknown): unknown {
  if (key !== '' && isSecretKey(key)) return '***';
  return typeof value === 'string' ? cleanText(value) : value;
}

function cleanText(text: string): string {
  const clear = printable(withoutSecrets(text));
  return clear.length > LOG_FIELD_MAX_CHARS ? `${clear.slice(0, LOG_FIELD_MAX_CHARS)}…` : clear;
}

/** What a log tells of an error. A stack only where the failure is not one of the table. */
function errorFields(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return String(thrown);
  const { message, cause } = thrown;
  const code: unknown = 'code' in thrown ? thrown.code : undefined;
  const known = thrown instanceof SallyportError && thrown.code !== 'INTERNAL';
  return {
    ...(typeof code === 'string' && { code }),
    message,
    ...(!known && depth === 0 && { stack: stackLines(thrown) }),
    ...(cause !== undefined && depth < CAUSES_MAX && { cause: errorFields(cause, depth + 1) }),
  };
}

function stackLines({ stack = '' }: Error): string[] {
  return stack.split('\n').flatMap((line) => (/^\s+at /.test(line) ? [line.trim()] : []));
}
