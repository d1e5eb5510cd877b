/** HTTP requests as events, for those who want them: all of them, or every Nth. */
import { EVENT_TEXT_MAX_CHARS } from '../limits.ts';
import { printable } from '../net/printable.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { EventLog } from './log.ts';

/** Publishes the first of every `every` requests; 1 is all of them. */
export function createRequestEvents(events: EventLog, every: number): AccessLog {
  let skip = 0;
  return {
    stream() {},
    request(line) {
      if (skip > 0) {
        skip--;
        return;
      }
      skip = every - 1;
      const { id, service, consumer, method, path, host, status, ms, outcome } = line;
      const { bytesUp, bytesDown } = line;
      events.record({
        seq: 0,
        time: 0,
        type: 'http.request',
        request: id,
        service,
        consumer,
        method,
        host: brief(host, host.length),
        path: brief(path, queryAt(path)),
        status,
        bytesUp,
        bytesDown,
        ms: Math.round(ms * 1_000) / 1_000,
        outcome,
      });
    },
  };
}

/** Fit to be shown as it is. */
const plain = /^[ -~]*$/;
/** A slice of a text keeps all of it alive: not worth a copy below this. Unit: characters. */
const SLICE_MAX_CHARS = 256;

/** The text up to there, fit to be kept and shown. */
function brief(text: string, end: number): string {
  const cut = end === text.length ? text : text.slice(0, end);
  if (text.length <= SLICE_MAX_CHARS) return plain.test(cut) ? cut : printable(cut);
  const bytes = Buffer.from(cut.slice(0, EVENT_TEXT_MAX_CHARS), 'latin1');
  return printable(bytes.toString('latin1'));
}

function queryAt(path: string): number {
  const at = path.indexOf('?');
  return at === -1 ? path.length : at;
}
