/** SETTINGS; RFC 9114, section 7.2.4, RFC 9204, section 5, RFC 9220, section 3. */
import { HTTP3_FIELD_SECTION_MAX_BYTES, HTTP3_SETTINGS_MAX } from '../../../limits.ts';
import { connectionFault } from './fault.ts';
import { FRAME, frame } from './frames.ts';
import { readVarints, varint } from './varint.ts';

const QPACK_MAX_TABLE_CAPACITY = 0x1;
const MAX_FIELD_SECTION_SIZE = 0x6;
const QPACK_BLOCKED_STREAMS = 0x7;
const ENABLE_CONNECT_PROTOCOL = 0x8;
const H3_DATAGRAM = 0x33;

/** Settings of HTTP/2 that HTTP/3 has none for; receiving one is an error, section 7.2.4.1. */
const http2Settings: ReadonlySet<number> = new Set([0x2, 0x3, 0x4, 0x5]);
const switches: ReadonlySet<number> = new Set([ENABLE_CONNECT_PROTOCOL, H3_DATAGRAM]);

export interface PeerSettings {
  /** What this end may send before a body, as `sectionSize` counts. Infinity: the peer said nothing. */
  readonly fieldSectionMax: number;
  /** Whether the peer takes extended CONNECT requests. This end sends none. */
  readonly extendedConnect: boolean;
}

/** What holds until the peer has spoken. */
export const unspokenSettings: PeerSettings = {
  fieldSectionMax: Infinity,
  extendedConnect: false,
};

/** The frame that begins our control stream: no dynamic table, and how much of a head is read. */
export const ownSettings: Buffer = frame(
  FRAME.SETTINGS,
  Buffer.concat(
    [
      [QPACK_MAX_TABLE_CAPACITY, 0],
      [MAX_FIELD_SECTION_SIZE, HTTP3_FIELD_SECTION_MAX_BYTES],
      [QPACK_BLOCKED_STREAMS, 0],
    ].flatMap(([id, value]) => [varint(id), varint(value)]),
  ),
);

/** Reads the payload of the peer's frame. Throws a connection fault. */
export function readSettings(payload: Buffer): PeerSettings {
  const integers = readVarints(payload);
  if (integers === null || integers.length % 2 !== 0)
    throw connectionFault('FRAME_ERROR', 'a SETTINGS frame ends within a setting');
  if (integers.length > 2 * HTTP3_SETTINGS_MAX)
    throw connectionFault('EXCESSIVE_LOAD', `more than ${HTTP3_SETTINGS_MAX} settings`);
  const values = new Map<number, number>();
  for (let i = 0; i < integers.length; i += 2) take(values, integers[i], integers[i + 1]);
  return {
    fieldSectionMax: values.get(MAX_FIELD_SECTION_SIZE) ?? Infinity,
    extendedConnect: values.get(ENABLE_CONNECT_PROTOCOL) === 1,
  };
}

function take(values: Map<number, number>, id: number, value: number): void {
  const wrong = (why: string) =>
    connectionFault('SETTINGS_ERROR', `setting 0x${id.toString(16)} ${why}`);
  if (http2Settings.has(id)) throw wrong('is one of HTTP/2');
  if (values.has(id)) throw wrong('stands there twice');
  if (switches.has(id) && value > 1) throw wrong('is neither 0 nor 1');
  values.set(id, value);
}
