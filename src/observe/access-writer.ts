/**
 * The access log: one line for each request and stream, with the outcome. It is written on the way
 * of every request, so a JSON line is put together by hand and goes past the logger, into the same
 * output.
 */
import { LOG_FIELD_MAX_CHARS } from '../limits.ts';
import { printable } from '../net/printable.ts';
import type { AccessLog, RequestLine, StreamLine } from './access-log.ts';
import type { Logger } from './logger.ts';
import { withoutSecrets } from './secrets.ts';

/** An access log that can be switched on and off. */
export interface SwitchedAccessLog extends AccessLog {
  enabled: boolean;
}

/** Writes at level `info`; silent while it is not enabled, or the logger's level is above that. */
export function createAccessLog(logger: Logger, enabled: boolean): SwitchedAccessLog {
  const writer = logger.output.format === 'json' ? jsonAccessLog(logger) : prettyAccessLog(logger);
  const access: SwitchedAccessLog = {
    enabled,
    stream(line) {
      if (access.enabled && logger.isLevelEnabled('info')) writer.stream(line);
    },
    request(line) {
      if (access.enabled && logger.isLevelEnabled('info')) writer.request(line);
    },
  };
  return access;
}

function prettyAccessLog(logger: Logger): AccessLog {
  return {
    stream: (line) => logger.info(rounded(line), 'stream'),
    request({ method, host, path, status, ...rest }) {
      logger.info(rounded(rest), `${method} ${host}${path} ${status}`);
    },
  };
}

function rounded(line: StreamLine): StreamLine {
  return { ...line, ms: roundMs(line.ms) };
}

function jsonAccessLog(logger: Logger): AccessLog {
  const { output } = logger;
  const streamPrefix = createPrefix('stream');
  const requestPrefix = createPrefix('request');
  return {
    stream(line) {
      output.write(`${streamPrefix()}${streamFields(line)}}\n`);
    },
    request(line) {
      output.write(`${requestPrefix()}${requestFields(line)}${streamFields(line)}}\n`);
    },
  };
}

/** The start of a line. The time is put into words once in a millisecond. */
function createPrefix(message: string): () => string {
  let now = 0;
  let prefix = '';
  return () => {
    const time = Date.now();
    if (time !== now) {
      now = time;
      prefix = `{"level":"info","time":"${new Date(time).toISOString()}","msg":"${message}"`;
    }
    return prefix;
  };
}

function requestFields({ method, host, path, status }: RequestLine): string {
  return `,"method":${json(method)},"host":${json(host)},"path":${json(path)},"status":${status}`;
}

function streamFields(line: StreamLine): string {
  const { id, service, consumer, target, bytesUp, bytesDown, ms, outcome, error } = line;
  const dialled = target === undefined ? '' : `,"target":${json(target)}`;
  const why = error === undefined ? '' : `,"error":${json(withoutSecrets(error))}`;
  return (
    `,"id":${json(id)},"service":${json(service)},"consumer":${json(consumer)}${dialled}` +
    `,"bytesUp":${bytesUp},"bytesDown":${bytesDown},"ms":${roundMs(ms)},"outcome":"${outcome}"${why}`
  );
}

/** Whole microseconds. */
function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Anything but printable ASCII without quote and backslash. */
const needsCare = /[^ !#-[\]-~]/;

/** The text as a JSON string that is safe to show, cut to a bounded length. */
function json(text: string): string {
  const cut = text.length > LOG_FIELD_MAX_CHARS ? `${text.slice(0, LOG_FIELD_MAX_CHARS)}…` : text;
  return needsCare.test(cut) ? JSON.stringify(printable(cut)) : `"${cut}"`;
}
