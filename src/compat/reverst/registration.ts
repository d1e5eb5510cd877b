/**
 * The registration of a client: one msgpack value each way on the first stream, without a length in
 * front. The originals are generous readers: maps in any order or arrays in the order of the fields,
 * integers of any width, unknown keys skipped, missing ones left at zero. So is this one, within bounds.
 */
import { Decoder } from '@msgpack/msgpack';
import { SallyportError } from '../../errors.ts';
import {
  REVERST_METADATA_MAX,
  REVERST_REGISTRATION_DEPTH_MAX,
  REVERST_REGISTRATION_MAX_BYTES,
} from '../../limits.ts';
import { MessageEnd } from './message-end.ts';
import { packText, packUint8 } from './pack.ts';

/** The application protocol (ALPN) of servers and clients. */
export const REVERST_PROTOCOL = 'quic-h3-tunnel';
export const VERSION = 1;
/** The only key of the metadata that is in use. Case counts. */
export const AUTHORIZATION = 'Authorization';
/** The code of a response that is none of a failure. */
export const OK = 0;

export interface RegistrationRequest {
  readonly version: number;
  readonly group: string;
  /** Holds secrets. */
  readonly metadata: ReadonlyMap<string, string>;
}

export interface RegistrationResponse {
  readonly version: number;
  /** OK, or a number whose meaning differs between the versions of the originals. */
  readonly code: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const requestFields = ['Version', 'TunnelGroup', 'Metadata'];
const responseFields = ['Version', 'Code', 'Metadata', 'Body'];
const NIL = Buffer.of(0xc0);

// ---- Writing ----

/** As Go's encoder writes it: every field, in the order of declaration, bytes in two. */
export function packRequest(group: string, metadata: ReadonlyMap<string, string>): Buffer {
  return packFields(requestFields, [packUint8(VERSION), packText(group), packMetadata(metadata)]);
}

/**
 * The answer to a registration that is good. There is none for one that is not: clients of later
 * versions do not look at the code, so that the connection has to be closed in its place.
 */
export function packResponse(): Buffer {
  return packFields(responseFields, [packUint8(VERSION), packUint8(OK), NIL, NIL]);
}

function packFields(names: readonly string[], values: readonly Buffer[]): Buffer {
  const pairs = names.flatMap((name, i) => [packText(name), values[i]]);
  return Buffer.concat([Buffer.of(0x80 | names.length), ...pairs]);
}

function packMetadata(metadata: ReadonlyMap<string, string>): Buffer {
  if (metadata.size === 0) return NIL;
  // More than fifteen pairs would need another head; there is one.
  if (metadata.size > 15) throw new SallyportError('INTERNAL', 'reverst: too much metadata');
  const pairs = [...metadata].flatMap(([key, value]) => [packText(key), packText(value)]);
  return Buffer.concat([Buffer.of(0x80 | metadata.size), ...pairs]);
}

// ---- Reading ----

/**
 * Gathers one value out of pieces. `push` answers null until it is whole, then the value; what stands
 * behind it is left over. Throws PROTOCOL_MESSAGE for what is no such value, or too long.
 */
export function createRequestReader(): RegistrationReader<RegistrationRequest> {
  return createReader('request', readRequest);
}

export function createResponseReader(): RegistrationReader<RegistrationResponse> {
  return createReader('response', readResponse);
}

export interface RegistrationReader<T> {
  push(bytes: Buffer): T | null;
}

function createReader<T>(what: string, read: (f: Fields) => T): RegistrationReader<T> {
  const end = new MessageEnd(REVERST_REGISTRATION_DEPTH_MAX);
  const pieces: Buffer[] = [];
  let length = 0;
  return {
    push(bytes) {
      const used = end.scan(bytes);
      if (used === 'deep') throw malformed(what, 'it has values within values');
      const rest = REVERST_REGISTRATION_MAX_BYTES - length;
      const taken = used ?? bytes.length;
      if (taken > rest) throw malformed(what, `more than ${REVERST_REGISTRATION_MAX_BYTES} bytes`);
      pieces.push(Buffer.from(bytes.subarray(0, taken)));
      length += taken;
      return used === null ? null : read(fieldsOf(what, Buffer.concat(pieces)));
    },
  };
}

function readRequest(f: Fields): RegistrationRequest {
  return {
    version: f.number('Version', 0),
    group: f.text('TunnelGroup', 1),
    metadata: f.pairs('Metadata', 2),
  };
}

function readResponse(f: Fields): RegistrationResponse {
  return {
    version: f.number('Version', 0),
    code: f.number('Code', 1),
    metadata: f.pairs('Metadata', 2),
    body: f.bytes('Body', 3),
  };
}

/** Values by key, or by place in an array. */
interface Fields {
  number(name: string, place: number): number;
  text(name: string, place: number): string;
  bytes(name: string, place: number): Buffer;
  pairs(name: string, place: number): ReadonlyMap<string, string>;
}

const decoder = new Decoder({
  maxStrLength: REVERST_REGISTRATION_MAX_BYTES,
  maxBinLength: REVERST_REGISTRATION_MAX_BYTES,
  maxArrayLength: REVERST_METADATA_MAX,
  maxMapLength: REVERST_METADATA_MAX,
  maxExtLength: 0,
  mapKeyConverter(key) {
    if (typeof key === 'string') return key;
    throw new TypeError('a key is not text');
  },
});

function fieldsOf(what: string, bytes: Buffer): Fields {
  const values = decode(what, bytes);
  const at = (name: string, place: number): unknown => {
    if (Array.isArray(values)) return values[place] ?? null;
    return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
  };
  const text = (value: unknown, name: string): string => {
    if (value === null) return '';
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
    throw malformed(what, `${name} is not text`);
  };
  return {
    number(name, place) {
      const value = at(name, place) ?? 0;
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xff)
        return value;
      throw malformed(what, `${name} is not a number from 0 to 255`);
    },
    text: (name, place) => text(at(name, place), name),
    bytes(name, place) {
      const value = at(name, place);
      return value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(text(value, name));
    },
    pairs(name, place) {
      const value = at(name, place) ?? {};
      if (!isMap(value)) throw malformed(what, `${name} is not a map`);
      return new Map(Object.entries(value).map(([key, one]) => [key, text(one, name)]));
    },
  };
}

function decode(what: string, bytes: Buffer): unknown[] | Record<string, unknown> {
  let value: unknown;
  try {
    value = decoder.decode(bytes);
  } catch (cause) {
    throw malformed(what, 'it is not msgpack as it is used here', cause);
  }
  if (Array.isArray(value) || isMap(value)) return value;
  throw malformed(what, 'it is neither a map nor an array');
}

function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

function malformed(what: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('PROTOCOL_MESSAGE', `reverst registration, ${what}: ${why}`, { cause });
}
