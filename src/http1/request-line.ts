/** The request line, RFC 9112, section 3: one method, one space, one target, one space, the version. */
import { classes, CR, DIGIT, DOT, LF, PATH, QUERY, QUESTION, SPACE, TOKEN } from './characters.ts';
import { requestRefusals as refusals } from './refusals.ts';

const START = 0;
const START_LF = 1;
const METHOD = 2;
const TARGET_PATH = 3;
const TARGET_QUERY = 4;
const VERSION = 5;
const LINE_CR = 6;
const LINE_LF = 7;
const WHOLE = 8;

const versionPrefix = Buffer.from('HTTP/');
const VERSION_BYTES = 8;
const VERSION_DOT = 6;

/** All offsets count from the head's first byte. */
export class RequestLine {
  methodStart = 0;
  methodEnd = 0;
  /** The target as received. */
  targetStart = 0;
  targetEnd = 0;
  /** Where the query's question mark stands, or the target's end. */
  pathEnd = 0;
  /** HTTP/1.0; otherwise HTTP/1.1. */
  old = false;
  #state = START;

  reset(): void {
    this.#state = START;
  }

  get whole(): boolean {
    return this.#state === WHOLE;
  }

  /** Reads on from `from`; answers how far it came: `end`, or behind the line's LF once it is whole. */
  scan(bytes: Uint8Array, base: number, from: number, end: number): number {
    let state = this.#state;
    let i = from;
    while (i < end) {
      if (state === START) {
        // One empty line before a request is tolerated; RFC 9112, section 2.2.
        const emptyLine = bytes[i] === CR;
        this.methodStart = emptyLine ? 2 : 0;
        state = emptyLine ? START_LF : METHOD;
        if (emptyLine && ++i === end) break;
      }
      if (state === START_LF) {
        if (bytes[i] !== LF) throw refusals.invalid('a bare CR before the request line');
        state = METHOD;
        if (++i === end) break;
      }
      if (state === METHOD) {
        while (i < end && classes[bytes[i]] & TOKEN) i++;
        if (i === end) break;
        if (bytes[i] !== SPACE || i - base === this.methodStart) {
          throw refusals.invalid('the request line must begin with a method and one space');
        }
        this.methodEnd = i - base;
        this.targetStart = ++i - base;
        state = TARGET_PATH;
        if (i === end) break;
      }
      if (state === TARGET_PATH) {
        while (i < end && classes[bytes[i]] & PATH) i++;
        if (i === end) break;
        this.pathEnd = i - base;
        state = TARGET_QUERY;
      }
      if (state === TARGET_QUERY) {
        // From the question mark on, if there is one: else it stands at the space already.
        if (bytes[i] === QUESTION || i - base > this.pathEnd) {
          while (i < end && classes[bytes[i]] & QUERY) i++;
          if (i === end) break;
        }
        if (bytes[i] !== SPACE || i - base === this.targetStart) {
          throw refusals.invalid('the target is empty or holds a character that is not allowed');
        }
        this.targetEnd = i++ - base;
        state = VERSION;
        if (i === end) break;
      }
      if (state === VERSION) {
        const start = base + this.targetEnd + 1;
        while (i < end && i < start + VERSION_BYTES) expectVersion(bytes[i], i++ - start);
        if (i < start + VERSION_BYTES) break;
        this.old = isOld(bytes, start);
        state = LINE_CR;
        if (i === end) break;
      }
      if (state === LINE_CR) {
        if (bytes[i] !== CR) {
          throw refusals.invalid('the request line must end in CR LF right behind the version');
        }
        state = LINE_LF;
        if (++i === end) break;
      }
      if (bytes[i] !== LF) throw refusals.invalid('a bare CR in the request line');
      this.#state = WHOLE;
      return i + 1;
    }
    this.#state = state;
    return i;
  }
}

function expectVersion(byte: number, index: number): void {
  const right =
    index < versionPrefix.length
      ? byte === versionPrefix[index]
      : index === VERSION_DOT
        ? byte === DOT
        : (classes[byte] & DIGIT) !== 0;
  if (!right)
    throw refusals.invalid('the request line must end in the version, as in `GET / HTTP/1.1`');
}

/** Whether the version at `start`, which has the right shape, is 1.0. Refuses all but 1.0 and 1.1. */
function isOld(bytes: Uint8Array, start: number): boolean {
  const major = bytes[start + VERSION_DOT - 1] - 0x30;
  const minor = bytes[start + VERSION_DOT + 1] - 0x30;
  if (major !== 1 || minor > 1) {
    throw refusals.unsupported(`HTTP/${major}.${minor}: this server speaks HTTP/1.1 and HTTP/1.0`);
  }
  return minor === 0;
}
