/** The logs of a command that dials a server. */
import type { Transport } from '../attach/transport-choice.ts';
import type { SallyportError } from '../errors.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import type { AccessLog } from '../observe/access-log.ts';
import { createLogger, type Logger } from '../observe/logger.ts';

interface LogKeys {
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  logFormat: 'auto' | 'pretty' | 'json';
}

export interface Logs {
  log: Logger;
  accessLog: AccessLog;
}

export function createLogs(keys: LogKeys): Logs {
  const log = createLogger({ level: keys.logLevel, format: keys.logFormat });
  return { log, accessLog: createAccessLog(log, true) };
}

/** Tells by what the server is reached from now on, and why not by what came before. */
export function logChoice(log: Logger, transport: Transport, why: SallyportError | null): void {
  log.warn({ transport, code: why?.code, error: why?.message }, 'another transport is used');
}

/** Tells that a connection to the server ended, or could not be made. */
export function logLost(log: Logger, error: SallyportError | null, waitMs: number): void {
  if (error === null) log.info({ waitMs }, 'disconnected; dialling again');
  else
    log.warn(
      { code: error.code, error: error.message, fix: error.advice, waitMs },
      'not connected; dialling again',
    );
}
