/** Lines as messages to a syslog: RFC 5424. */
import os from 'node:os';
import { SYSLOG_MESSAGE_MAX_BYTES } from '../../limits.ts';
import type { Severity } from '../line-sink.ts';

/** Facility `daemon` (3), times eight: RFC 5424, section 6.2.1. */
const DAEMON = 3 * 8;

/** Section 6.2.1, table 2. */
const severities: Readonly<Record<Severity, number>> = {
  fatal: 2,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
};

/** Host, program and process, each in printable ASCII and not too long: section 6. Empty is `-`. */
const header = [
  os
    .hostname()
    .replace(/[^!-~]/g, '')
    .slice(0, 255) || '-',
  'sallyport',
  process.pid,
  '-',
  '-',
].join(' ');

/** The message for a line, without its line end; what is too long is cut between two characters. */
export function syslogMessage(line: string, severity: Severity = 'info', now = Date.now()): Buffer {
  const text = line.replace(/\n+$/, '').replaceAll('\n', ' ');
  const time = new Date(now).toISOString();
  const message = Buffer.from(`<${DAEMON + severities[severity]}>1 ${time} ${header} ${text}`);
  if (message.length <= SYSLOG_MESSAGE_MAX_BYTES) return message;
  let end = SYSLOG_MESSAGE_MAX_BYTES;
  while ((message[end] & 0xc0) === 0x80) end--;
  return message.subarray(0, end);
}
