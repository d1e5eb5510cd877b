/**
 * Data messages, which are nearly all there are: written into a slab, and read in place where they
 * stand as every known peer writes them. Anything else goes the long way (`messages.ts`).
 *
 *   03 83  a4 "Data" raw  a4 "GUID" raw  a5 "Order" uint
 */
import { HUBBLE_GUID_MAX_CHARS } from '../../limits.ts';
import { RAW_HEAD_MAX_BYTES, UINT_MAX_BYTES, writeRawHead, writeUint } from './pack.ts';

const DATA = 3;
const head = Buffer.concat([Buffer.of(DATA, 0x83, 0xa4), Buffer.from('Data')]);
const guidKey = Buffer.concat([Buffer.of(0xa4), Buffer.from('GUID')]);
const orderKey = Buffer.concat([Buffer.of(0xa5), Buffer.from('Order')]);

/** What a data message takes beyond its data, at most. */
export const DATA_OVERHEAD_BYTES =
  head.length +
  2 * RAW_HEAD_MAX_BYTES +
  guidKey.length +
  HUBBLE_GUID_MAX_CHARS +
  orderKey.length +
  UINT_MAX_BYTES;

/** Writes the message that carries `data` to `at` and onwards; answers where it ends. */
export function writeData(
  bytes: Buffer,
  at: number,
  data: Buffer,
  guid: string,
  order: number,
): number {
  let next = writeRawHead(bytes, at + head.copy(bytes, at), data.length);
  next += data.copy(bytes, next);
  next = writeRawHead(bytes, next + guidKey.copy(bytes, next), guid.length);
  next += bytes.write(guid, next, 'latin1');
  return writeUint(bytes, next + orderKey.copy(bytes, next), order);
}

/** A data message as read: its data is `[start, end)`. */
export interface DataView {
  guid: string;
  order: number;
  start: number;
  end: number;
}

/** Reads the message in `[start, end)` into `view`. False: it does not stand in the usual form. */
export function readData(bytes: Buffer, start: number, end: number, view: DataView): boolean {
  if (!matches(bytes, start, end, head)) return false;
  let at = start + head.length;
  const dataLength = rawLength(bytes, at, end);
  if (dataLength < 0) return false;
  view.start = at + rawHeadBytes(bytes[at]);
  view.end = at = view.start + dataLength;
  if (!matches(bytes, at, end, guidKey)) return false;
  at += guidKey.length;
  const guidLength = rawLength(bytes, at, end);
  if (guidLength < 1 || guidLength > HUBBLE_GUID_MAX_CHARS) return false;
  at += rawHeadBytes(bytes[at]);
  view.guid = bytes.toString('latin1', at, at + guidLength);
  at += guidLength;
  if (!matches(bytes, at, end, orderKey)) return false;
  at += orderKey.length;
  return readOrder(bytes, at, end, view);
}

function matches(bytes: Buffer, at: number, end: number, wanted: Buffer): boolean {
  if (end - at < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function rawHeadBytes(first: number): number {
  return first === 0xdb ? 5 : first === 0xda ? 3 : 1;
}

/** Length of the raw value at `at`; -1 when there is none, or not all of it. */
function rawLength(bytes: Buffer, at: number, end: number): number {
  const first = at < end ? bytes[at] : 0;
  const size = rawHeadBytes(first);
  if (at + size > end) return -1;
  let length = -1;
  if ((first & 0xe0) === 0xa0) length = first & 0x1f;
  else if (first === 0xda) length = bytes.readUInt16BE(at + 1);
  else if (first === 0xdb) length = bytes.readUInt32BE(at + 1);
  return at + size + length > end ? -1 : length;
}

/** Only what an order is made of, and nothing behind it. */
function readOrder(bytes: Buffer, at: number, end: number, view: DataView): boolean {
  const first = at < end ? bytes[at] : 0xff;
  const size = end - at;
  if (first < 0x80 && size === 1) view.order = first;
  else if (first === 0xcc && size === 2) view.order = bytes[at + 1];
  else if (first === 0xcd && size === 3) view.order = bytes.readUInt16BE(at + 1);
  else if (first === 0xce && size === 5) view.order = bytes.readUInt32BE(at + 1);
  else return false;
  return true;
}
