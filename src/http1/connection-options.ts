/** What the Connection field of a head says; RFC 9110, section 7.6.1. */
import { HTTP_NOMINATIONS_MAX } from '../limits.ts';
import { beginsWith, sameLetters } from './characters.ts';
import { CONNECTION, OTHER } from './field-kinds.ts';
import type { FieldSection, TokenTaker } from './field-section.ts';

const closeOption = Buffer.from('close');
const keepAliveOption = Buffer.from('keep-alive');
const upgradeOption = Buffer.from('upgrade');

export class ConnectionOptions implements TokenTaker {
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Fields named, which makes them hop-by-hop. */
  nominations = 0;
  /** Start and end of each name, from the head's first byte. */
  readonly #names = new Int32Array(HTTP_NOMINATIONS_MAX * 2);

  /** Reads the field of a whole section. Throws the role's `invalid`. */
  read(fields: FieldSection, bytes: Buffer, base: number): void {
    this.close = this.keepAlive = this.upgrade = false;
    this.nominations = 0;
    if (!fields.has(CONNECTION)) return;
    fields.eachToken(bytes, base, CONNECTION, this);
  }

  token(fields: FieldSection, bytes: Uint8Array, base: number, start: number, end: number): void {
    if (is(closeOption, bytes, start, end)) this.close = true;
    else if (is(keepAliveOption, bytes, start, end)) this.keepAlive = true;
    else if (is(upgradeOption, bytes, start, end)) this.upgrade = true;
    else if (this.nominations < HTTP_NOMINATIONS_MAX) this.#nominate(start - base, end - base);
    else throw fields.refusals.invalid(`Connection names more than ${HTTP_NOMINATIONS_MAX} fields`);
  }

  #nominate(start: number, end: number): void {
    this.#names[this.nominations * 2] = start;
    this.#names[this.nominations * 2 + 1] = end;
    this.nominations++;
  }

  /**
   * Whether this field was named. Only fields of no known kind can be: what frames, routes or
   * authorises the message must not vanish because its sender says so.
   */
  names(fields: FieldSection, bytes: Buffer, base: number, index: number): boolean {
    if (this.nominations === 0 || fields.kinds[index] !== OTHER) return false;
    const start = fields.nameStart(index);
    const length = fields.nameEnd(index) - start;
    for (let n = 0; n < this.nominations; n++) {
      const from = this.#names[n * 2];
      if (this.#names[n * 2 + 1] - from !== length) continue;
      if (sameLetters(bytes, base + from, base + start, length)) return true;
    }
    return false;
  }
}

function is(option: Buffer, bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === option.length && beginsWith(bytes, start, option);
}
