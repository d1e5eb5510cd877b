/** What all commands that dial a server make of their options. */
import fs from 'node:fs';
import { SallyportError } from '../errors.ts';
import { createAccessLog } from '../observe/access-writer.ts';
import type { AccessLog } from '../observe/access-log.ts';
import { createLogger, type Logger } from '../observe/logger.ts';

interface ClientKeys {
  server: string;
  token?: string | undefined;
  ca?: string | undefined;
  mask: 'auto' | 'random';
  heartbeat: number;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  logFormat: 'auto' | 'pretty' | 'json';
}

export interface ClientOptions {
  server: URL;
  token: string;
  ca?: string;
  randomMask: boolean;
  heartbeatMs: number;
  program: string;
}

/** Throws AUTH_REQUIRED without a token, CONFIG_INVALID when the authority's file cannot be read. */
export function clientOptions(keys: ClientKeys, version: string): ClientOptions {
  if (keys.token === undefined) {
    throw new SallyportError('AUTH_REQUIRED', 'token: none was given, and every server asks for one');
  }
  return {
    server: new URL(keys.server),
    token: keys.token,
    ...(keys.ca === undefined ? {} : { ca: readAuthority(keys.ca) }),
    randomMask: keys.mask === 'random',
    heartbeatMs: keys.heartbeat,
    program: `sallyport/${version}`,
  };
}

function readAuthority(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SallyportError('CONFIG_INVALID', `ca: cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

export interface Logs {
  log: Logger;
  accessLog: AccessLog;
}

export function createLogs(keys: Pick<ClientKeys, 'logLevel' | 'logFormat'>): Logs {
  const log = createLogger({ level: keys.logLevel, format: keys.logFormat });
  return { log, accessLog: createAccessLog(log, true) };
}

/** Tells that a connection to the server ended, or could not be made. */
export function logLost(log: Logger, error: SallyportError | null, waitMs: number): void {
  if (error === null) log.info({ waitMs }, 'disconnected; dialling again');
  else log.warn({ code: error.code, error: error.message, fix: error.advice, waitMs }, 'not connected; dialling again');
}
