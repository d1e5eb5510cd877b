/** One transport from end to end: a session is opened as a consumer, and asked for its round trip. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { openClientSession } from '../../attach/client-session.ts';
import { createDialler, type Transport } from '../../attach/transport-choice.ts';
import { SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { createHeartbeat } from '../../session/heartbeat.ts';
import type { ExaminationOptions } from './options.ts';
import { tryStep, type Step } from './step.ts';

const names: Readonly<Record<Transport, string>> = {
  quic: 'QUIC',
  websocket: 'WebSocket',
  longpoll: 'long-poll',
};

/** Without a token the server's refusal is the sign that it was reached. */
const noToken = 'sp_none';

export function tryTransport(transport: Transport, options: ExaminationOptions): Promise<Step> {
  const { server, token, wayOut, program, signal } = options;
  return tryStep(names[transport], async () => {
    const dialler = createDialler(transport, {});
    try {
      const dial = {
        url: server,
        token: token ?? noToken,
        wayOut,
        program,
        signal: AbortSignal.any([signal, AbortSignal.timeout(2 * HANDSHAKE_TIMEOUT_MS)]),
      };
      const took = await dialler.dial(dial, (link) => roundTrip(link, program, signal));
      return `works, a round trip takes ${took}`;
    } catch (thrown) {
      const refused = thrown instanceof SallyportError && thrown.code === 'AUTH_FAILED';
      if (token === null && refused) return 'reaches the server, which asks for a token';
      throw thrown;
    }
  });
}

type Link = Parameters<typeof openClientSession>[0];

async function roundTrip(link: Link, program: string, signal: AbortSignal): Promise<string> {
  const heartbeat = createHeartbeat(HANDSHAKE_TIMEOUT_MS);
  try {
    const attached = await openClientSession(link, {
      hello: { role: 'consumer', instance: randomUUID(), epoch: 1, program, features: [] },
      heartbeat,
      accept() {
        throw new SallyportError('PROTOCOL_MESSAGE', 'session: only agents get streams');
      },
      signal,
    });
    const { session } = attached;
    const gone = attached.closed.then((error) => {
      throw error ?? new SallyportError('SESSION_CLOSED', 'session: the server closed it');
    });
    gone.catch(() => {});
    session.ping();
    await Promise.race([measured(session, signal), gone]);
    attached.close();
    return `${session.rtt.toFixed(1)} ms`;
  } finally {
    heartbeat.close();
  }
}

/** Resolves when the ping is answered. */
async function measured(session: { readonly rtt: number }, signal: AbortSignal): Promise<void> {
  while (session.rtt === 0) await setTimeout(1, undefined, { signal });
}
