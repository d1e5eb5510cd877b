/**
 * The messages of Hubble, protocol version 0.1, in all three generations of the one that opens a
 * session. Every field may be missing, keys come in any order, unknown ones are skipped.
 *
 * `End` is ours. The originals know one way for a session to end and skip the key; between two ends
 * of ours it says whether a direction has ended (`half`) or the session was broken off (`reset`). Its
 * presence in a handshake, and in the answer to it, says that this end understands it.
 */
import net from 'node:net';
import { Decoder } from '@msgpack/msgpack';
import { SallyportError } from '../../errors.ts';
import { HUBBLE_GUID_MAX_CHARS, HUBBLE_MESSAGE_MAX_BYTES } from '../../limits.ts';
import { canonicalAddress } from '../../net/host.ts';
import { pack } from './pack.ts';

export const VERSION = '0.1';

const HANDSHAKE = 1;
const INITIATOR = 2;
const DATA = 3;
const TERMINATOR = 4;
const CLOSED = 5;
const ACK = 255;

/** How a session ends: both ways at once, one way, or broken off. */
export type Ending = 'whole' | 'half' | 'reset';

export interface Handshake {
  readonly type: 'handshake';
  readonly version: string;
  readonly name: string;
  /** A secret. */
  readonly key: string;
  readonly knowsEnd: boolean;
}

export interface Initiator {
  readonly type: 'initiator';
  readonly guid: string;
  readonly gatename: string;
  /** A secret; empty without one. */
  readonly key: string;
  /** Empty where the message named none. */
  readonly host: string;
  readonly port: number;
  /** The message as it came, type byte included. */
  readonly bytes: Buffer;
}

export interface Ack {
  readonly type: 'ack';
  /** Empty: the answer to a handshake. */
  readonly guid: string;
  readonly ok: boolean;
  readonly message: string;
  readonly knowsEnd: boolean;
}

export type Message =
  | Handshake
  | Initiator
  | Ack
  | { readonly type: 'data'; readonly guid: string; readonly order: number; readonly data: Buffer }
  | { readonly type: 'terminator' | 'closed'; readonly guid: string; readonly ending: Ending }
  | { readonly type: 'unknown'; readonly code: number };

/** Keys of one message, nested maps included. The longest message has seven. */
const KEYS_MAX = 64;
let keys = 0;

// Text stays bytes: `Data` is text to the originals' encoder, whatever it holds. No peer sends arrays,
// and maps within maps are counted, so that nesting costs nothing.
const decoder = new Decoder({
  rawStrings: true,
  maxStrLength: HUBBLE_MESSAGE_MAX_BYTES,
  maxBinLength: HUBBLE_MESSAGE_MAX_BYTES,
  maxArrayLength: 0,
  maxMapLength: KEYS_MAX,
  maxExtLength: 1_024,
  mapKeyConverter(key) {
    if (typeof key === 'string' && ++keys <= KEYS_MAX) return key;
    throw malformed('its keys are not text, or too many');
  },
});

/** Reads a message. Throws PROTOCOL_MESSAGE for what is not one. */
export function readMessage(bytes: Buffer): Message {
  const code = bytes[0];
  if (code === undefined) throw malformed('it is empty');
  const f = fieldsOf(bytes.subarray(1));
  switch (code) {
    case HANDSHAKE:
      return {
        type: 'handshake',
        version: f.text('Version'),
        name: f.text('Name'),
        key: f.text('Key'),
        knowsEnd: f.has('End'),
      };
    case INITIATOR:
      return { ...readInitiator(f), bytes: Buffer.from(bytes) };
    case DATA:
      return { type: 'data', guid: f.guid(), order: f.number('Order'), data: f.raw('Data') };
    case TERMINATOR:
      return { type: 'terminator', guid: f.guid(), ending: readEnding(f.text('End')) };
    case CLOSED:
      return { type: 'closed', guid: f.guid(), ending: readEnding(f.text('End')) };
    case ACK:
      return {
        type: 'ack',
        guid: f.guid(),
        ok: f.flag('Ok'),
        message: f.text('Message'),
        knowsEnd: f.has('End'),
      };
    default:
      return { type: 'unknown', code };
  }
}

function readInitiator(f: Fields): Omit<Initiator, 'bytes'> {
  const named = { host: f.text('RemoteHost'), port: f.number('RemotePort') };
  const older = { host: addressOf(f.raw('Ip')), port: f.number('Port') };
  const { host, port } = named.host === '' && named.port === 0 ? older : named;
  if (port > 65_535) throw malformed(`its port is ${port}`);
  const common = { guid: f.guid(), gatename: f.text('Gatename'), key: f.text('Key') };
  return { type: 'initiator', ...common, host, port };
}

function readEnding(text: string): Ending {
  return text === 'half' || text === 'reset' ? text : 'whole';
}

/** IPv4 inside IPv6 becomes plain IPv4; the empty text for what is no address. */
function addressOf(ip: Buffer): string {
  if (ip.length === 4) return ip.join('.');
  if (ip.length !== 16) return '';
  const groups = Array.from({ length: 8 }, (_, i) => ip.readUInt16BE(2 * i).toString(16));
  return canonicalAddress(groups.join(':')) ?? '';
}

interface Fields {
  has(name: string): boolean;
  raw(name: string): Buffer;
  text(name: string): string;
  number(name: string): number;
  flag(name: string): boolean;
  guid(): string;
}

function fieldsOf(bytes: Buffer): Fields {
  const map = decodeMap(bytes);
  const raw = (name: string): Buffer => {
    const value = map[name] ?? Buffer.alloc(0);
    if (!(value instanceof Uint8Array)) throw malformed(`${name} is not text`);
    return Buffer.from(value.buffer, value.byteOffset, value.length);
  };
  return {
    has: (name) => Object.hasOwn(map, name),
    raw,
    text: (name) => raw(name).toString('utf8'),
    number(name) {
      const value = map[name] ?? 0;
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
        throw malformed(`${name} is not a whole number`);
      return value;
    },
    flag(name) {
      const value = map[name] ?? false;
      if (typeof value !== 'boolean') throw malformed(`${name} is not true or false`);
      return value;
    },
    guid() {
      const guid = raw('GUID').toString('latin1');
      if (guid.length > HUBBLE_GUID_MAX_CHARS || !/^[\x20-\x7e]*$/.test(guid))
        throw malformed(`its GUID is not up to ${HUBBLE_GUID_MAX_CHARS} characters of ASCII`);
      return guid;
    },
  };
}

function decodeMap(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  keys = 0;
  try {
    value = decoder.decode(bytes);
  } catch (cause) {
    throw malformed('it is not msgpack', cause);
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    Object.getPrototypeOf(value) !== Object.prototype
  )
    throw malformed('it is not a map');
  return value as Record<string, unknown>;
}

function malformed(why: string, cause?: unknown): SallyportError {
  return new SallyportError('PROTOCOL_MESSAGE', `hubble message: ${why}`, { cause });
}

// ---- Writing ----

export function packHandshake(name: string, key: string): Buffer {
  return pack(HANDSHAKE, { Name: name, Key: key, Version: VERSION, End: 'half' });
}

/** The answer to a handshake. `<nil>` is what the originals write where there is no error. */
export function packWelcome(refusal: string | null, knowsEnd: boolean): Buffer {
  const ack = { GUID: '', Ok: refusal === null, Message: refusal ?? '<nil>' };
  return pack(ACK, { ...ack, End: knowsEnd ? 'half' : undefined });
}

export function packAck(guid: string, refusal: string | null): Buffer {
  return pack(ACK, { GUID: guid, Ok: refusal === null, Message: refusal ?? '<nil>' });
}

/** Opens a session, in words that every generation understands. */
export function packInitiator(initiator: Omit<Initiator, 'type' | 'bytes'>): Buffer {
  const { guid, gatename, key, host, port } = initiator;
  return pack(INITIATOR, {
    GUID: guid,
    Gatename: gatename,
    Key: key,
    Ip: sixteenBytesOf(host),
    Port: port,
    RemoteHost: host,
    RemotePort: port,
  });
}

/** The same message for another session. */
export function withGuid({ bytes }: Initiator, guid: string): Buffer {
  const fields = Object.entries(decodeMap(bytes.subarray(1))).filter(
    (entry): entry is [string, Uint8Array | number] =>
      typeof entry[1] === 'number' || entry[1] instanceof Uint8Array,
  );
  return pack(INITIATOR, { ...Object.fromEntries(fields), GUID: guid });
}

/** What a proxy tells an agent. */
export function packTerminator(guid: string, ending: Ending): Buffer {
  return pack(TERMINATOR, { GUID: guid, End: ending === 'whole' ? undefined : ending });
}

/** What an agent tells a proxy, and a proxy of ours an agent of ours where only one direction ended. */
export function packClosed(guid: string, ending: Ending): Buffer {
  return pack(CLOSED, { GUID: guid, End: ending === 'whole' ? undefined : ending });
}

function sixteenBytesOf(host: string): Buffer | undefined {
  const text = net.isIPv4(host) ? `::ffff:${host}` : host;
  if (!net.isIPv6(text)) return undefined;
  const url = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [left = '', right = ''] = url.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(left), groups(right)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, i) => bytes.writeUInt16BE(group, 2 * i));
  return bytes;
}
