/**
 * The first message of a TLS client, read for the server name in it. Nothing is decrypted: the
 * ClientHello travels in the clear, and its bytes go on to the service as they came.
 *
 * Sources: RFC 8446, sections 4.1.2 (ClientHello), 4.2 (extensions) and 5.1 (records); RFC 6066,
 * section 3 (server_name).
 */
import { SallyportError } from '../../errors.ts';
import { CLIENT_HELLO_MAX_BYTES } from '../../limits.ts';

export interface ClientHello {
  /** As it came, without a claim to be a host name. Null: the client named none. */
  readonly serverName: string | null;
}

const RECORD_HEADER_BYTES = 5;
const RECORD_HANDSHAKE = 22;
const RECORD_MAX_BYTES = 16_384;
const MESSAGE_HEADER_BYTES = 4;
const MESSAGE_CLIENT_HELLO = 1;
/** The major version of SSL 3.0 and every TLS. */
const VERSION_MAJOR = 3;
const RANDOM_BYTES = 32;
const SESSION_ID_MAX_BYTES = 32;
const EXTENSION_SERVER_NAME = 0;
const NAME_TYPE_HOST = 0;

/** Where the pieces of a message are put together: parsing is synchronous, so that one will do. */
const joined = Buffer.allocUnsafeSlow(CLIENT_HELLO_MAX_BYTES);

/**
 * Reads the ClientHello at the start of `bytes`, however it is cut into records; null while it is
 * incomplete. A wrong byte in a header is refused as soon as it is seen. Throws REQUEST_INVALID.
 */
export function parseClientHello(bytes: Buffer): ClientHello | null {
  let have = 0;
  let end = MESSAGE_HEADER_BYTES;
  for (let at = 0; at < bytes.length && have < end;) {
    checkRecord(bytes, at);
    const start = at + RECORD_HEADER_BYTES;
    if (start > bytes.length) return null;
    at = start + bytes.readUInt16BE(start - 2);
    const stop = Math.min(at, bytes.length, start + joined.length - have);
    // A loop and no copy call: a peer may cut the message into records of one byte.
    for (let i = start; i < stop; i++) joined[have++] = bytes[i];
    if (have > 0 && joined[0] !== MESSAGE_CLIENT_HELLO)
      throw malformed('another message comes first');
    if (have >= MESSAGE_HEADER_BYTES) end = MESSAGE_HEADER_BYTES + joined.readUIntBE(1, 3);
    if (end > joined.length) throw malformed(`${end} bytes exceed ${joined.length}`);
  }
  return have < end ? null : parseMessage(joined.subarray(MESSAGE_HEADER_BYTES, end));
}

/** Of a record whose header has not come in full, the first byte at least is there. */
function checkRecord(bytes: Buffer, at: number): void {
  if (bytes[at] !== RECORD_HANDSHAKE) throw malformed('not a handshake record of TLS');
  if (at + 1 < bytes.length && bytes[at + 1] !== VERSION_MAJOR)
    throw malformed('a record of an unknown version');
  if (at + RECORD_HEADER_BYTES > bytes.length) return;
  const length = bytes.readUInt16BE(at + RECORD_HEADER_BYTES - 2);
  if (length === 0 || length > RECORD_MAX_BYTES) throw malformed(`a record of ${length} bytes`);
}

function parseMessage(message: Buffer): ClientHello {
  const fields = new Fields(message);
  if (fields.uint(2) >> 8 !== VERSION_MAJOR) throw malformed('an unknown version');
  fields.bytes(RANDOM_BYTES);
  if (fields.vector(1).rest > SESSION_ID_MAX_BYTES)
    throw malformed('a session id that is too long');
  const suites = fields.vector(2);
  if (suites.rest === 0 || suites.rest % 2 !== 0) throw malformed('no whole list of cipher suites');
  if (fields.vector(1).rest === 0) throw malformed('no compression method');
  // Before TLS 1.3 the extensions may be left out altogether.
  const serverName = fields.rest === 0 ? null : findServerName(fields.vector(2));
  fields.expectEnd();
  return { serverName };
}

function findServerName(extensions: Fields): string | null {
  let serverName: string | null = null;
  while (extensions.rest > 0) {
    const type = extensions.uint(2);
    const body = extensions.vector(2);
    if (type !== EXTENSION_SERVER_NAME) continue;
    if (serverName !== null) throw malformed('two server_name extensions');
    serverName = readServerName(body);
  }
  return serverName;
}

/** The list holds one entry: no other type of name is defined, and no type may come twice. */
function readServerName(body: Fields): string {
  const list = body.vector(2);
  body.expectEnd();
  const type = list.uint(1);
  if (type !== NAME_TYPE_HOST) throw malformed(`a server name of the unknown type ${type}`);
  const name = list.vector(2);
  list.expectEnd();
  if (name.rest === 0) throw malformed('an empty server name');
  return name.bytes(name.rest).toString('latin1');
}

/** Reads fields one after another; never beyond the end. */
class Fields {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  bytes(n: number): Buffer {
    if (n > this.rest) throw malformed('a field runs over its end');
    this.#at += n;
    return this.#bytes.subarray(this.#at - n, this.#at);
  }

  uint(size: 1 | 2): number {
    return this.bytes(size).readUIntBE(0, size);
  }

  /** A field with its length in front, in `size` bytes. */
  vector(size: 1 | 2): Fields {
    return new Fields(this.bytes(this.uint(size)));
  }

  expectEnd(): void {
    if (this.rest > 0) throw malformed('bytes behind the last field');
  }
}

function malformed(what: string): SallyportError {
  return new SallyportError('REQUEST_INVALID', `ClientHello: ${what}`);
}
