/** One line for each request and each stream: who, to what, how much, how long, how it ended. */
import type { ErrorCode } from '../errors.ts';

/** How it ended: `ok`, or the code of the error. `closed` is a consumer that left early. */
export type Outcome = 'ok' | 'closed' | ErrorCode;

export interface StreamLine {
  id: string;
  service: string;
  /** `ip:port` of the consumer. */
  consumer: string;
  /** What was dialled, where this process dialled it. */
  target?: string;
  /** Bytes from the consumer to the target, and back. */
  bytesUp: number;
  bytesDown: number;
  /** From the opening of the stream to its end, in milliseconds. */
  ms: number;
  outcome: Outcome;
  /** What the error says, where there was one: for whoever reads the log, not for consumers. */
  error?: string;
}

export interface RequestLine extends StreamLine {
  method: string;
  host: string;
  /** Request target as received, without a rendez-vous token. */
  readonly path: string;
  /** Status sent to the consumer; 0 when none was. */
  status: number;
}

export interface AccessLog {
  stream(line: StreamLine): void;
  /** The line is good for the time of the call. */
  request(line: RequestLine): void;
}

/** Several as one. */
export function teeAccessLog(logs: readonly [AccessLog, ...AccessLog[]]): AccessLog {
  if (logs.length === 1) return logs[0];
  return {
    stream(line) {
      for (const log of logs) log.stream(line);
    },
    request(line) {
      for (const log of logs) log.request(line);
    },
  };
}
