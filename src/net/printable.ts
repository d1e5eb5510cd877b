/** Text from elsewhere made fit to be shown: on a terminal, in a log line, in an error message. */

/** Longer texts are cut in messages. Unit: characters. */
const QUOTED_MAX_CHARS = 80;

/**
 * Controls (C0, DEL, C1), format characters (bidirectional overrides, zero width), lone surrogates
 * and the two Unicode line breaks: all that can move a cursor, forge a line or hide text.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with every unsafe character written as `\u{hex}`. */
export function printable(text: string): string {
  return text.replace(unsafe, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** As `printable`, with line ends kept: what is told in several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** The text in double quotes, cut to a readable length, safe to show. Not for secrets. */
export function quoted(text: string): string {
  const cut = text.length > QUOTED_MAX_CHARS ? `${text.slice(0, QUOTED_MAX_CHARS)}…` : text;
  return `"${printable(cut.replace(/["\\]/g, '\\$&'))}"`;
}
