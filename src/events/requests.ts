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
      events.publish('http.request', {
        request: id,
        service,
        consumer,
        method,
        host: brief(host, host.length),
        path: brief(path, path.search(/[?]|$/)),
        status,
        bytesUp,
        bytesDown,
        ms,
        outcome,
      });
    },
  };
}

/** The text up to there, fit to be kept and shown. A copy: a slice would keep the whole text alive. */
function brief(text: string, end: number): string {
  const bytes = Buffer.from(text.slice(0, Math.min(end, EVENT_TEXT_MAX_CHARS)), 'latin1');
  return printable(bytes.toString('latin1'));
}
