/** What begins a message, out of field sections and back; RFC 9114, section 4.3. */
import { hostEnd, NOT_AN_AUTHORITY } from '../../../http1/authority.ts';
import { QUERY } from '../../../http1/characters.ts';
import { malformed } from './fault.ts';
import type { Field } from './field.ts';
import { everyByte, isToken, outgoingFields, readFields, type ReadFields } from './field-rules.ts';

export interface RequestHead {
  readonly method: string;
  /** Empty for CONNECT, as is `path`. */
  readonly scheme: string;
  /** Host and port as the consumer wrote them. */
  readonly authority: string;
  /** With the query; `*` for OPTIONS of the server as a whole. */
  readonly path: string;
  /** Without Host and Content-Length. */
  readonly fields: readonly Field[];
  /** Null: not known, or no body. */
  readonly contentLength: number | null;
}

export interface ResponseHead {
  readonly status: number;
  /** Without Content-Length. */
  readonly fields: readonly Field[];
  /** Null: not known. */
  readonly contentLength: number | null;
}

const requestPseudo = new Set([':method', ':scheme', ':authority', ':path']);
const responsePseudo = new Set([':status']);

const bad = (why: string) => malformed('request', why);

/** Reads a request. Throws a stream fault. Extended CONNECT is malformed: this end has not allowed it. */
export function readRequestHead(section: readonly Field[]): RequestHead {
  const read = readFields('request', section, requestPseudo);
  const method = read.pseudo.get(':method');
  if (method === undefined || !isToken(method)) throw bad(':method is missing or not a token');
  const authority = readAuthority(read);
  const { scheme, path } = method === 'CONNECT' ? readTunnel(read) : readTarget(read, method);
  const fields = joinCookies(read.fields.filter(([name]) => name !== 'host'));
  return { method, scheme, authority, path, fields, contentLength: read.contentLength };
}

/** `:authority`, or Host in its place; with both, they have to agree. Section 4.3.1. */
function readAuthority({ pseudo, fields }: ReadFields): string {
  const hosts = fields.filter(([name]) => name === 'host').map(([, value]) => value);
  if (hosts.length > 1) throw bad('host stands there twice');
  const authority = pseudo.get(':authority') ?? hosts[0];
  if (authority === undefined) throw bad(':authority is missing');
  if (hosts.length === 1 && hosts[0] !== authority) throw bad(':authority and host differ');
  const bytes = Buffer.from(authority, 'latin1');
  if (hostEnd(bytes, 0, bytes.length) === NOT_AN_AUTHORITY)
    throw bad(':authority is not a host with an optional port');
  return authority;
}

/** CONNECT has nothing but an authority with a port; section 4.4. */
function readTunnel({ pseudo }: ReadFields): { scheme: string; path: string } {
  if (pseudo.has(':scheme') || pseudo.has(':path')) throw bad('CONNECT with :scheme or :path');
  if (!/:[0-9]+$/.test(pseudo.get(':authority') ?? '')) throw bad('CONNECT without a port');
  return { scheme: '', path: '' };
}

function readTarget({ pseudo }: ReadFields, method: string): { scheme: string; path: string } {
  const scheme = pseudo.get(':scheme') ?? '';
  if (!/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme)) throw bad(':scheme is missing or not a scheme');
  const path = pseudo.get(':path') ?? '';
  const whole = path === '*' && method === 'OPTIONS';
  if (!whole && !(path.startsWith('/') && everyByte(path, QUERY)))
    throw bad(':path is missing or not a path');
  return { scheme, path };
}

/** Cookies may come in pieces, and leave as one field; section 4.2.1. */
function joinCookies(fields: readonly Field[]): readonly Field[] {
  const cookies = fields.filter(([name]) => name === 'cookie');
  if (cookies.length < 2) return fields;
  const others = fields.filter(([name]) => name !== 'cookie');
  return [...others, ['cookie', cookies.map(([, value]) => value).join('; ')]];
}

/** Reads a response, interim ones too. Throws a stream fault. */
export function readResponseHead(section: readonly Field[]): ResponseHead {
  const { pseudo, fields, contentLength } = readFields('response', section, responsePseudo);
  const status = pseudo.get(':status') ?? '';
  if (!/^[1-9][0-9]{2}$/.test(status))
    throw malformed('response', ':status is missing or no status');
  // Section 4.5: the upgrade that 101 speaks of does not exist here.
  if (status === '101') throw malformed('response', 'the status is 101');
  return { status: Number(status), fields, contentLength };
}

/** Trailers: fields without pseudo-header fields; section 4.1. */
export function readTrailers(
  kind: 'request' | 'response',
  section: readonly Field[],
): readonly Field[] {
  return readFields(kind, section, new Set()).fields;
}

/** A request as a field section. Takes fields of HTTP/1.1 and leaves out what may not go. */
export function requestSection(head: RequestHead): Field[] {
  const target: Field[] =
    head.method === 'CONNECT'
      ? []
      : [
          [':scheme', head.scheme],
          [':path', head.path],
        ];
  const section: Field[] = [
    [':method', head.method],
    [':authority', head.authority],
    ...target,
    ...outgoingFields('request', head.fields).filter(([name]) => name !== 'host'),
    ...lengthField(head.contentLength),
  ];
  // What would not be read here is not sent either.
  readRequestHead(section);
  return section;
}

/** As `requestSection`, for a response. */
export function responseSection(head: ResponseHead): Field[] {
  const section: Field[] = [
    [':status', String(head.status)],
    ...outgoingFields('response', head.fields),
    ...lengthField(head.contentLength),
  ];
  readResponseHead(section);
  return section;
}

export function trailerSection(kind: 'request' | 'response', trailers: readonly Field[]): Field[] {
  return outgoingFields(kind, trailers);
}

function lengthField(length: number | null): Field[] {
  return length === null ? [] : [['content-length', String(length)]];
}

/** Responses that have no body, whatever they say of its length; RFC 9110, section 6.4.1. */
export function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}
