/** Where the log of a command goes. */
import type { Writable } from 'node:stream';
import type { Transport } from '../attach/transport-choice.ts';
import type { OptionsOf } from '../config/schema.ts';
import type { SallyportError } from '../errors.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { ClosedSink } from '../observe/line-sink.ts';
import { openLogFile } from '../observe/log-file.ts';
import { createLogger, type Logger } from '../observe/logger.ts';
import { parseSyslogAddress } from '../observe/syslog/address.ts';
import { openSyslog } from '../observe/syslog/syslog.ts';
import { adviceIn, type OwnWords } from './advice.ts';
import { reportWarning } from './report.ts';

type LogKeys = Pick<
  OptionsOf<'forward'>,
  | 'logLevel'
  | 'logFormat'
  | 'logFile'
  | 'accessLogFile'
  | 'logMaxSize'
  | 'logMaxAge'
  | 'logMaxFiles'
  | 'syslog'
>;

export interface Logs extends AsyncDisposable {
  readonly log: Logger;
  /** Where the lines of requests and streams go: the log itself, or a file of theirs. */
  readonly accessLogger: Logger;
  readonly accessLog: AccessLog;
}

/**
 * Disposing of it writes out what is still held. What keeps a file or syslog from being written is
 * told on `stderr`. Throws CONFIG_INVALID when a file cannot be opened.
 */
export function createLogs(keys: LogKeys, stderr: Writable): Logs {
  const { logLevel: level, logFormat: format, logMaxAge } = keys;
  const opened: ClosedSink[] = [];
  const use = (sink: ClosedSink): ClosedSink => {
    opened.push(sink);
    return sink;
  };
  const troubleOf = (what: string) => (error: Error) =>
    reportWarning(`${what}: ${explain(error)}`, stderr, false);
  const openFile = (file: string): ClosedSink =>
    openLogFile({
      file,
      maxBytes: keys.logMaxSize,
      maxFiles: keys.logMaxFiles,
      ...(logMaxAge === undefined ? {} : { maxAgeMs: logMaxAge }),
      failed: troubleOf(`log file ${file}`),
    });

  const sinks: ClosedSink[] = [];
  if (keys.logFile !== undefined) sinks.push(use(openFile(keys.logFile)));
  if (keys.syslog !== undefined) {
    const address = parseSyslogAddress(keys.syslog);
    sinks.push(use(openSyslog({ address, failed: troubleOf(`syslog ${keys.syslog}`) })));
  }
  const log = createLogger({ level, format, ...(sinks.length === 0 ? {} : { sinks }) });
  const { accessLogFile } = keys;
  const accessLogger =
    accessLogFile === undefined
      ? log
      : createLogger({ level: 'info', format, sinks: [use(openFile(accessLogFile))] });
  return {
    log,
    accessLogger,
    accessLog: createAccessLog(accessLogger, true),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((sink) => sink.close()));
    },
  };
}

function explain(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPROTOTYPE'
    ? 'it takes datagrams, which Node.js cannot send to a Unix socket; log to it over UDP'
    : `${error.message}; lines are lost until it can be written again`;
}

/** Tells by what the server is reached from now on, and why not by what came before. */
export function logChoice(log: Logger, transport: Transport, why: SallyportError | null): void {
  log.warn({ transport, code: why?.code, error: why?.message }, 'another transport is used');
}

/** Tells that a connection to the server ended, or could not be made. */
export function logLost(
  log: Logger,
  error: SallyportError | null,
  waitMs: number,
  words: OwnWords = [],
): void {
  if (error === null) log.info({ waitMs }, 'disconnected; dialling again');
  else
    log.warn(
      { code: error.code, error: error.message, fix: adviceIn(words, error), waitMs },
      'not connected; dialling again',
    );
}
