/** Why a session was refused: text in an acknowledgement, named errors here. */
import { errorKinds, isErrorCode, SallyportError, type ErrorCode } from '../../errors.ts';
import { FAILURE_MESSAGE_MAX_CHARS } from '../../limits.ts';
import { printable, quoted } from '../../net/printable.ts';

/** What an agent is told, in the originals' words where they have some. */
export function refusalText(error: SallyportError): string {
  const { code, message } = error;
  if (code === 'DENIED') return 'Unauthorized';
  if (code === 'SERVICE_UNKNOWN' || code === 'SERVICE_ABSENT') return 'Gateway not registered';
  return `${code}: ${message}`.slice(0, FAILURE_MESSAGE_MAX_CHARS);
}

/** The originals' words, those of Go's dialler, and codes of our own. */
export function refusalError(text: string): SallyportError {
  const colon = text.indexOf(': ');
  const named = text.slice(0, colon);
  if (isErrorCode(named) && mayName(named))
    return new SallyportError(named, printable(text.slice(colon + 2, FAILURE_MESSAGE_MAX_CHARS)));
  return new SallyportError(codeOf(text), `hubble session: refused with ${quoted(text)}`);
}

/** The far end speaks of itself and of what is behind it: a code of the server's would be a lie. */
function mayName(code: ErrorCode): boolean {
  const { hop } = errorKinds[code];
  return hop === 'agent' || hop === 'target';
}

function codeOf(text: string): ErrorCode {
  if (/^Unauthorized|^Authori[sz]ation error/.test(text)) return 'DENIED';
  if (/^gateway not registered/i.test(text)) return 'SERVICE_UNKNOWN';
  if (/refused/.test(text)) return 'TARGET_REFUSED';
  return /timeout|timed out/.test(text) ? 'TARGET_TIMEOUT' : 'TARGET_UNREACHABLE';
}
