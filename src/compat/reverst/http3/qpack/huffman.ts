/**
 * The Huffman code of field strings; RFC 7541, appendix B. It is canonical: codes of one length count
 * up with the byte, so that the lengths are all there is to write down.
 */

/** Bits of the code of each byte, then of EOS, which no string may contain. One digit of base 36 each. */
const lengths = [
  'dnsssssssoussussssssssusssssssss',
  '6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6',
  'f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnno',
  'mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrr',
  'koklmllnmmppooqnqrqqrrrrrsrrrrrq',
  'u',
].join('');

const LENGTH_MAX = 30;
const EOS = 256;
/** What is left of the last byte is filled with the beginning of EOS, which is ones. */
const PADDING_MAX_BITS = 7;

/** Bits of the code of each byte. */
const bits = Uint8Array.from(lengths, (digit) => Number.parseInt(digit, 36));
const codes = new Uint32Array(EOS + 1);
/** Symbols in the order of their codes; for each length the first code, its place, and how many. */
const symbols = new Uint16Array(EOS + 1);
const firstCode = new Uint32Array(LENGTH_MAX + 1);
const firstPlace = new Uint16Array(LENGTH_MAX + 1);
const count = new Uint16Array(LENGTH_MAX + 1);

let code = 0;
let place = 0;
for (let length = 1; length <= LENGTH_MAX; length++) {
  firstCode[length] = code;
  firstPlace[length] = place;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    if (bits[symbol] !== length) continue;
    symbols[place++] = symbol;
    codes[symbol] = code++;
  }
  count[length] = place - firstPlace[length];
  code *= 2;
}

/** Bytes that the text takes when coded. */
export function huffmanLength(text: string): number {
  let total = 0;
  for (let i = 0; i < text.length; i++) total += bits[text.charCodeAt(i)];
  return (total + 7) >> 3;
}

/** Writes the coded text; answers where it ends. */
export function writeHuffman(bytes: Buffer, start: number, text: string): number {
  let at = start;
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    for (let left = bits[symbol]; left > 0;) {
      const taken = Math.min(left, 8 - heldBits);
      left -= taken;
      held = (held << taken) | ((codes[symbol] >>> left) & ((1 << taken) - 1));
      heldBits += taken;
      if (heldBits < 8) continue;
      bytes[at++] = held;
      held = heldBits = 0;
    }
  }
  if (heldBits > 0) bytes[at++] = (held << (8 - heldBits)) | (0xff >> heldBits);
  return at;
}

/** No text is longer than this for its coded bytes: the shortest codes have five bits. */
export function huffmanTextMax(length: number): number {
  return Math.floor((length * 8) / 5);
}

/**
 * Reads `[start, end)` into `out` from its beginning; answers how many bytes there are, or -1 for EOS
 * within the string and for a filling that is not all ones, or eight bits and longer.
 */
export function readHuffman(bytes: Uint8Array, start: number, end: number, out: Buffer): number {
  let length = 0;
  let value = 0;
  let size = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    for (let shift = 7; shift >= 0; shift--) {
      value = value * 2 + ((byte >> shift) & 1);
      const nth = value - firstCode[++size];
      if (nth >= count[size]) continue;
      const symbol = symbols[firstPlace[size] + nth];
      if (symbol === EOS) return -1;
      out[length++] = symbol;
      value = size = 0;
    }
  }
  return size <= PADDING_MAX_BITS && value === 2 ** size - 1 ? length : -1;
}
