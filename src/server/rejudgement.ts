/** What stands is judged again once who may do what has changed: sessions, services and streams. */
import { missingRole } from '../access/scopes.ts';
import type { ServerSession } from '../attach/server-session.ts';
import { SallyportError } from '../errors.ts';
import type { Gate } from '../registry/gate.ts';
import type { LiveStreams } from '../registry/live-streams.ts';
import { judgeEach, type Current } from '../registry/rejudge.ts';
import type { Registrar } from './registrar.ts';
import type { Sessions } from './sessions.ts';

export interface RejudgementOptions {
  readonly sessions: Pick<Sessions, 'all'>;
  readonly registrar: Pick<Registrar, 'services' | 'outOfScope' | 'permit'>;
  readonly gate: Pick<Gate, 'rejudge'>;
  readonly live: LiveStreams;
  readonly current: Current;
}

/**
 * Answers what judges everything. Clients that are known no longer are told AUTH_FAILED, those without
 * their role DENIED; services that an agent may no longer offer are withdrawn from it, and their
 * streams end. All of it is done when that returns, but for questions that the policy takes time for.
 */
export function createRejudgement(options: RejudgementOptions): () => void {
  const { sessions, registrar, gate, live, current } = options;
  let judging = new AbortController();

  function withdraw(session: ServerSession, service: string, error: SallyportError): void {
    session.withdraw(service, error);
    const why = `service ${service}: its agent may no longer offer it`;
    for (const stream of live.list()) {
      if (stream.upstream === session.upstream && stream.request.service === service)
        live.kick(stream, new SallyportError('STREAM_RESET', why));
    }
  }

  function rejudgeSession(session: ServerSession): void {
    const identity = current(session.identity);
    if (identity === null) {
      const why = 'session: the token is no longer known';
      return session.session.close(new SallyportError('AUTH_FAILED', why));
    }
    session.identity = identity;
    const denied = session.hello === null ? null : missingRole(identity, session.hello.role);
    if (denied !== null) return session.session.close(denied);
    for (const service of registrar.services(session)) {
      const error = registrar.outOfScope(session, service);
      if (error !== null) withdraw(session, service, error);
    }
  }

  function* offered(): Generator<[ServerSession, string]> {
    for (const session of sessions.all())
      for (const service of registrar.services(session)) yield [session, service];
  }

  return () => {
    judging.abort();
    judging = new AbortController();
    for (const session of sessions.all()) rejudgeSession(session);
    judgeEach(offered(), {
      judge: ([session, service]) => registrar.permit(session, service),
      refuse: ([session, service], error) => withdraw(session, service, error),
      signal: judging.signal,
    });
    gate.rejudge(current);
  };
}
