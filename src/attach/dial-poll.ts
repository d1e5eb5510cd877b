/** Opens a polled link at a server: for networks that let single requests through, and nothing else. */
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import type { Link } from '../transport/link.ts';
import { openPollClient } from '../transport/longpoll/client.ts';
import { createPollRequests, type PollAnswer } from '../transport/longpoll/requests.ts';
import { clientFields, type DialOptions } from './dial.ts';
import { PROTOCOL } from './messages.ts';
import { refusalOf } from './refusal.ts';

/** Names the protocol that the link is to carry. */
export const POLL_PROTOCOL_FIELD = 'Sallyport-Protocol';

/** Resolves and rejects as `dial` does. */
export async function dialPoll(options: DialOptions): Promise<Link> {
  const { url, signal } = options;
  const requests = createPollRequests(url, options.wayOut ?? {});
  try {
    const answer = await requests
      .make({
        method: 'POST',
        path: '',
        fields: { ...clientFields(options), [POLL_PROTOCOL_FIELD]: PROTOCOL },
        body: [],
        waitMs: HANDSHAKE_TIMEOUT_MS,
        signal,
        began() {},
      })
      .catch((thrown: Error) => {
        throw signal.aborted ? signal.reason : unreachable(url, thrown);
      });
    const { link, secret } = readGrant(url, answer);
    return openPollClient({ requests, id: link, secret: Buffer.from(secret, 'base64url') });
  } catch (thrown) {
    requests.close();
    throw thrown;
  }
}

function unreachable({ host }: URL, cause: Error): SallyportError {
  if (cause instanceof SallyportError) return cause;
  return new SallyportError('SERVER_UNREACHABLE', `dial ${host}: ${cause.message}`, { cause });
}

function readGrant(url: URL, { status, text }: PollAnswer): { link: string; secret: string } {
  if (status !== 201) throw refusalOf(url, { status, reason: '' }, text);
  try {
    const { link, secret } = JSON.parse(text) as { link: unknown; secret: unknown };
    const whole = typeof secret === 'string' && /^[\w-]{43}$/.test(secret);
    if (whole && typeof link === 'string' && /^[0-9a-f]{24}$/.test(link)) return { link, secret };
  } catch {
    // Not JSON: no grant.
  }
  throw new SallyportError(
    'SERVER_NOT_SALLYPORT',
    `dial: ${url.host} answered 201 without a link and its secret`,
  );
}
