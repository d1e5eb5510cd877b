/** What stands is judged again once who may do what has changed: sessions, services and streams. */
import { missingRole } from '../access/scopes.ts';
import type { ServerSession } from '../attach/server-session.ts';
import { SallyportError } from '../errors.ts';
import type { Gate } from '../registry/gate.ts';
import type { LiveStreams } from '../registry/live-streams.ts';
import type { Current } from '../registry/rejudge.ts';
import type { Registrar } from './registrar.ts';
import type { Sessions } from './sessions.ts';

export interface RejudgementOptions {
  readonly sessions: Pick<Sessions, 'all'>;
  readonly registrar: Pick<Registrar, 'denied'>;
  readonly gate: Pick<Gate, 'rejudge'>;
  readonly live: LiveStreams;
  readonly current: Current;
}

/**
 * Clients that are known no longer are told AUTH_FAILED, those without their role DENIED; services
 * that an agent may no longer offer are withdrawn from it, and their streams end. All of it is done
 * when this returns, but for questions that the policy takes time for.
 */
export function rejudgeEverything(options: RejudgementOptions): void {
  for (const session of options.sessions.all()) rejudgeSession(session, options);
  options.gate.rejudge(options.current);
}

function rejudgeSession(session: ServerSession, options: RejudgementOptions): void {
  const { registrar, live, current } = options;
  const identity = current(session.identity);
  if (identity === null) {
    const why = 'session: the token is no longer known';
    return session.session.close(new SallyportError('AUTH_FAILED', why));
  }
  session.identity = identity;
  const denied = session.hello === null ? null : missingRole(identity, session.hello.role);
  if (denied !== null) return session.session.close(denied);
  for (const [service, error] of registrar.denied(session)) {
    session.withdraw(service, error);
    const why = `service ${service}: its agent may no longer offer it`;
    endStreams(live, session, service, new SallyportError('STREAM_RESET', why));
  }
}

function endStreams(
  live: LiveStreams,
  { upstream }: ServerSession,
  service: string,
  error: SallyportError,
): void {
  for (const stream of live.list()) {
    if (stream.upstream === upstream && stream.request.service === service)
      live.kick(stream.request.id, error);
  }
}
