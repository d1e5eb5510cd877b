/** An event as JSON in one line, in which nothing can command a terminal or forge a line. */

/** Controls that JSON leaves as they are (DEL, C1), format characters, and the Unicode line breaks. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The same value to whoever parses it. */
export function eventText(event: object): string {
  return JSON.stringify(event).replace(unsafe, escaped);
}

/** As JSON writes a character; one beyond the first plane takes two escapes. RFC 8259, section 7. */
function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
}
