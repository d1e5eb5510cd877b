/**
 * What a client says before anything else on a session over QUIC, on the first stream it opens: who it
 * is. The answer is one message, or the end of the session with the refusal.
 */
import { SallyportError } from '../errors.ts';
import type { Link } from '../transport/link.ts';

/** The application protocol (ALPN). */
export const QUIC_PROTOCOL = 'sallyport.v1';

export interface QuicGreeting {
  /** Empty: a certificate says who it is. */
  readonly token: string;
  readonly program: string;
}

/** Of the process that serves QUIC to the server: the greeting, and where it came from. */
export interface LocalGreeting extends QuicGreeting {
  /** `ip:port` of the client. */
  readonly peer: string;
  /** That it has proved to hold: DER in base64. Null: it showed none. */
  readonly certificate: string | null;
}

/** What the server says to a local greeting. One of the two is called, unless the entry was left. */
export interface LocalEntry {
  /** The link is whoever is admitted's. */
  admitted(link: Link): void;
  /** `null`: the server closed the link in order. */
  refused(error: SallyportError | null): void;
}

export const GREETING_ANSWER = { type: 'attached' } as const;

/** Throws PROTOCOL_MESSAGE. */
export function readGreeting(value: unknown): QuicGreeting {
  const { token, program } = (value ?? {}) as Partial<QuicGreeting>;
  if (typeof token === 'string' && typeof program === 'string') return { token, program };
  throw new SallyportError('PROTOCOL_MESSAGE', 'quic: a greeting has a token and a program');
}

/** Throws PROTOCOL_MESSAGE. */
export function readLocalGreeting(value: unknown): LocalGreeting {
  const { peer, certificate } = (value ?? {}) as Partial<LocalGreeting>;
  if (typeof peer === 'string' && (certificate === null || typeof certificate === 'string'))
    return { ...readGreeting(value), peer, certificate };
  throw new SallyportError(
    'PROTOCOL_MESSAGE',
    'quic: a greeting that does not say where it is from',
  );
}

/** The dialect of a peer of another tool; null: it is one of ours. */
export function readDialect(value: unknown): string | null {
  const { dialect } = (value ?? {}) as { dialect?: unknown };
  return typeof dialect === 'string' ? dialect : null;
}
