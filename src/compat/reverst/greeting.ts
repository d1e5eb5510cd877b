/** What the process for QUIC tells the server of a client that wants to register. */
import { SallyportError } from '../../errors.ts';

export const DIALECT = 'reverst';

export interface Greeting {
  readonly dialect: typeof DIALECT;
  readonly group: string;
  /** As the client wrote it; null: it gave none. A secret. */
  readonly authorization: string | null;
  /** `ip:port` of the client. */
  readonly peer: string;
}

/** Throws PROTOCOL_MESSAGE. */
export function readGreeting(value: unknown): Greeting {
  const { group, authorization, peer } = (value ?? {}) as Partial<Greeting>;
  const given = authorization === null || typeof authorization === 'string';
  if (typeof group !== 'string' || !given || typeof peer !== 'string')
    throw new SallyportError(
      'PROTOCOL_MESSAGE',
      'reverst: a greeting has a group, an authorization or null, and an address',
    );
  return { dialect: DIALECT, group, authorization, peer };
}
