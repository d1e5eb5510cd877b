/** What a command logs, and where to. */
import { LOG_FILE_MIN_BYTES } from '../limits.ts';
import { syslogAddress } from './grammar.ts';
import { byteSize, choice, duration, integer, option, text } from './values.ts';

const TERABYTE = 1_024 ** 4;
const MINUTE_MS = 60_000;
const YEAR_MS = 366 * 24 * 60 * MINUTE_MS;

export const logs = {
  log_level: option(choice(['debug', 'info', 'warn', 'error', 'silent']), {
    value: 'debug|info|warn|error|silent',
    live: true,
    help: 'The least important lines to log.',
  }).prefault('info'),
  log_format: option(choice(['auto', 'pretty', 'json']), {
    value: 'auto|pretty|json',
    help: 'How lines look: auto is pretty on a terminal and JSON lines elsewhere.',
  }).prefault('auto'),
  log_file: option(text(), {
    value: 'FILE',
    path: 'written',
    help: 'Log to this file instead of stderr.',
  }).optional(),
  access_log_file: option(text(), {
    value: 'FILE',
    path: 'written',
    help: 'The lines of requests and streams go to this file, the others to where they went.',
  }).optional(),
  log_max_size: option(byteSize({ min: LOG_FILE_MIN_BYTES, max: TERABYTE }), {
    value: 'SIZE',
    help: 'A log file that would grow beyond this is put aside under a name with the time.',
  }).prefault('100MB'),
  log_max_age: option(duration({ min: MINUTE_MS, max: YEAR_MS }), {
    value: 'DURATION',
    help: 'A log file that began longer ago than this is put aside, and one that was put aside longer ago is removed. Default: any age.',
  }).optional(),
  log_max_files: option(integer({ min: 0, max: 10_000 }), {
    value: 'NUMBER',
    help: 'So many log files that were put aside are kept.',
  }).prefault('7'),
  syslog: option(syslogAddress(), {
    value: 'udp://HOST:PORT|tcp://HOST:PORT|unix:/PATH',
    help: 'Log to this syslog (RFC 5424) instead of stderr; with a log file, to both. A Unix socket has to be one that takes connections.',
  }).optional(),
};
