/** What the ways of a server to refuse a client, or to let go of it, mean. */
import { SallyportError } from '../../../errors.ts';
import { quoted } from '../../../net/printable.ts';
import type { QuicEnd } from '../../../transport/quic/user.ts';
import type { RegistrationResponse } from '../registration.ts';

/** Codes that servers close a connection with. */
const SERVER_STOPPING = 0x0;
const REFUSED = 0x2;

/** Why the connection is gone. Null: the server is stopping, or wants this client to come again. */
export function refusalOf(group: string, end: QuicEnd): SallyportError | null {
  const { application, code, reason, timedOut } = end;
  if (timedOut)
    return new SallyportError('HEARTBEAT_LOST', 'reverst: the server was silent for too long');
  if (!application) {
    const why = reason === '' ? `QUIC error ${code}` : `QUIC error ${code}, ${reason}`;
    return new SallyportError('LINK_LOST', `reverst: the connection broke: ${why}`);
  }
  if (code === SERVER_STOPPING) return null;
  const named = namedRefusal(group, reason);
  if (named !== null) return named;
  const why = `reverst: the server closed the connection: 0x${code.toString(16)}, ${quoted(reason)}`;
  return new SallyportError(code === REFUSED ? 'DENIED' : 'SESSION_CLOSED', why);
}

/** Servers of early versions answer with a code before they close; its meaning differs, the words do not. */
export function refusalInAnswer(
  group: string,
  { code, body }: RegistrationResponse,
): SallyportError {
  const words = body.toString('utf8');
  const why = `reverst: the server refused the registration: code ${code}, ${quoted(words)}`;
  return namedRefusal(group, words) ?? new SallyportError('SESSION_CLOSED', why);
}

/** In the words of all versions; what stands behind a colon is the server's own. */
function namedRefusal(group: string, words: string): SallyportError | null {
  if (/^unauthorized\b/i.test(words)) {
    const why = 'the server does not take these credentials';
    return new SallyportError('AUTH_FAILED', `reverst group ${quoted(group)}: ${why}`);
  }
  if (/^not found\b|^unknown tunnel group\b/i.test(words)) {
    const why = 'the server has no such group; it may come with a change of its groups file';
    return new SallyportError('SERVICE_UNKNOWN', `reverst group ${quoted(group)}: ${why}`);
  }
  return null;
}

/** Whether dialling again cannot help. A group that is unknown now may be there later. */
export function isFinal(error: SallyportError): boolean {
  return error.fatal && error.code !== 'SERVICE_UNKNOWN';
}
