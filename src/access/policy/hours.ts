/** Hours of the week in a time zone, as rules name them. */
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;

/** Minutes of the week from Monday 00:00 on; one that ends later than the week goes on at its start. */
interface Span {
  readonly start: number;
  readonly length: number;
}

export interface Hours {
  /** Whether this moment, in milliseconds since 1970, lies in one of them. */
  hold(at: number): boolean;
  /** The moment as the hours see it: `fri 22:10 in Europe/Berlin`. */
  show(at: number): string;
}

/**
 * Each text is `DAYS`, `HH:MM-HH:MM` or both, where DAYS are days and ranges of days with commas:
 * `mon-fri 08:00-18:00`, `sat,sun`, `22:00-06:00`. What ends before it begins ends on the day after;
 * its days are those on which it begins. Throws USAGE for a text or a time zone that is none.
 */
export function createHours(texts: readonly string[], timeZone: string): Hours {
  const spans = texts.flatMap(parseHours);
  const clock = createClock(timeZone);
  return {
    hold(at) {
      const minute = clock(at);
      return spans.some(
        ({ start, length }) => (minute - start + WEEK_MINUTES) % WEEK_MINUTES < length,
      );
    },
    show(at) {
      const minute = clock(at);
      const day = days[Math.floor(minute / DAY_MINUTES)];
      return `${day} ${formatTime(minute % DAY_MINUTES)} in ${timeZone}`;
    },
  };
}

/** Throws USAGE for what is no time zone. */
export function checkTimeZone(timeZone: string): void {
  createFormat(timeZone);
}

/** Throws USAGE for what are no hours. */
export function parseHours(text: string): Span[] {
  const refuse = (why: string): never => {
    throw new SallyportError('USAGE', `hours ${quoted(text)}: ${why}`);
  };
  const match = /^(?:([a-z,-]+)(?: +|$))?(?:(\d\d):(\d\d)-(\d\d):(\d\d))?$/.exec(
    text.toLowerCase(),
  );
  if (match === null || text === '')
    return refuse('write DAYS, HH:MM-HH:MM or both, such as mon-fri 08:00-18:00');
  const [, daysText = 'mon-sun', ...times] = match;
  const [fromHour = 0, fromMinute = 0, toHour = 24, toMinute = 0] = times
    .filter((time) => time !== undefined)
    .map(Number);
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  if (from >= DAY_MINUTES || to > DAY_MINUTES || fromMinute > 59 || toMinute > 59)
    return refuse('times go from 00:00 to 24:00');
  if (from === to) return refuse('it ends where it begins; write 00:00-24:00 for a whole day');
  const length = to > from ? to - from : to + DAY_MINUTES - from;
  return parseDays(daysText, refuse).map((day) => ({ start: day * DAY_MINUTES + from, length }));
}

function parseDays(text: string, refuse: (why: string) => never): number[] {
  return text.split(',').flatMap((part) => {
    const [first, last = first, ...more] = part.split('-').map((name) => days.indexOf(name));
    if (first === -1 || last === -1 || more.length > 0)
      return refuse(`${quoted(part)} is no day and no range of days; days are ${days.join(', ')}`);
    const count = ((last - first + days.length) % days.length) + 1;
    return Array.from({ length: count }, (_, i) => (first + i) % days.length);
  });
}

/** From a moment to the minute of the week. Asking the calendar is slow: once for each minute is enough. */
function createClock(timeZone: string): (at: number) => number {
  const format = createFormat(timeZone);
  let known = NaN;
  let minuteOfWeek = 0;
  return (at) => {
    const minute = Math.floor(at / MINUTE_MS);
    if (minute === known) return minuteOfWeek;
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const day = days.indexOf(parts.get('weekday')!.toLowerCase());
    minuteOfWeek = day * DAY_MINUTES + Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    known = minute;
    return minuteOfWeek;
  };
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  } catch {
    const mend = 'write UTC or one such as Europe/Berlin';
    throw new SallyportError('USAGE', `time zone ${quoted(timeZone)}: is not known; ${mend}`);
  }
}

function formatTime(minute: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}
