/**
 * Lines of the log as sokken writes them. Each connection makes several, so they are put together by
 * hand and go past the logger, into the same output.
 */
import { LOG_FIELD_MAX_CHARS } from '../../limits.ts';
import { printable } from '../../net/printable.ts';
import { withoutSecrets } from '../../observe/secrets.ts';

export type Level = 'info' | 'error' | 'fatal';

/** No field has the name of a secret. */
export type Fields = Readonly<Record<string, string | number>>;

/** Tells of something. Texts from outside are made safe to show, cut, and freed of what looks like a secret. */
export type Tell = (level: Level, fields: Fields, message: string) => void;

export function sokkenLine(level: Level, fields: Fields, message: string): string {
  let line = `{"level":"${level}"`;
  for (const name in fields) {
    const value = fields[name];
    line += `,"${name}":${typeof value === 'number' ? value : json(value)}`;
  }
  return withoutSecrets(`${line},"time":"${now()}","message":${json(message)}}\n`);
}

let second = 0;
let shown = '';

/** In whole seconds, put into words once in each. */
function now(): string {
  const current = Math.floor(Date.now() / 1000);
  if (current !== second) {
    second = current;
    shown = `${new Date(current * 1000).toISOString().slice(0, 19)}Z`;
  }
  return shown;
}

/** Anything but printable ASCII without quote and backslash. */
const needsCare = /[^ !#-[\]-~]/;

function json(text: string): string {
  const cut = text.length > LOG_FIELD_MAX_CHARS ? `${text.slice(0, LOG_FIELD_MAX_CHARS)}…` : text;
  return needsCare.test(cut) ? JSON.stringify(printable(cut)) : `"${cut}"`;
}
