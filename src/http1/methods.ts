/** The methods whose meaning matters to a relay; RFC 9110, section 9. */

export interface Method {
  readonly name: string;
  /** Running it twice does what running it once does, so that a lost one may be sent again. */
  readonly idempotent: boolean;
  /** Its response has no body. */
  readonly headOnly: boolean;
  /** Why it is not passed on, or null. */
  readonly refused: string | null;
}

const method = (name: string, more: Partial<Method> = {}): Method => ({
  name,
  idempotent: false,
  headOnly: false,
  refused: null,
  ...more,
});

const known = [
  method('GET', { idempotent: true }),
  method('POST'),
  method('HEAD', { idempotent: true, headOnly: true }),
  method('PUT', { idempotent: true }),
  method('PATCH'),
  method('DELETE', { idempotent: true }),
  method('OPTIONS', { idempotent: true }),
  method('CONNECT', { refused: 'CONNECT: this server is not a forward proxy' }),
  method('TRACE', { refused: 'TRACE: it would send credentials back in the clear' }),
].map((of) => ({ of, bytes: Buffer.from(of.name) }));

/** Before any request. */
export const noMethod = method('');

/** The method named by `[start, end)`; names are case-sensitive. */
export function methodAt(bytes: Buffer, start: number, end: number): Method {
  for (let i = 0; i < known.length; i++) {
    const { of, bytes: name } = known[i];
    if (name.length === end - start && same(bytes, start, name)) return of;
  }
  return method(bytes.toString('latin1', start, end));
}

function same(bytes: Buffer, start: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}
