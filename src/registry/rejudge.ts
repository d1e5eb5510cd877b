/** Streams that are open are judged again when who may do what has changed. */
import type { Identity } from '../access/identity.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import { REJUDGED_AT_ONCE } from '../limits.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import type { StreamRequest } from './upstream.ts';

/** What an identity is by now; null when its credential is good no more. */
export type Current = (identity: Identity) => Identity | null;

export interface Judgement {
  readonly current: Current;
  /** Throws, or rejects with, why this identity may not have this stream. */
  judge(identity: Identity | null, request: StreamRequest): Promise<void> | undefined;
}

/**
 * Ends the streams that may not be any more. Streams of callers that are known no longer end before
 * this returns, and so do all whose judgement needs no time; the others are judged a few at a time,
 * until `signal` fires: a policy that asks somebody must not drown in questions.
 */
export function rejudge(live: LiveStreams, judgement: Judgement, signal: AbortSignal): void {
  const { current, judge } = judgement;
  const end = ({ request }: LiveStream, thrown: unknown): void =>
    void live.kick(request.id, asSallyportError(thrown));

  for (const stream of live.list()) {
    if (stream.identity === null) continue;
    const identity = current(stream.identity);
    if (identity === null) end(stream, unknownCaller(stream.request.service));
    else stream.identity = identity;
  }

  const queue = live.list();
  const work = async (): Promise<void> => {
    for (const stream of queue) {
      if (signal.aborted) return;
      // It is judged once that has been found out.
      if (!stream.known) continue;
      try {
        const judged = judge(stream.identity, stream.request);
        if (judged !== undefined) await judged;
      } catch (thrown) {
        if (!signal.aborted) end(stream, thrown);
      }
    }
  };
  for (let worker = 0; worker < REJUDGED_AT_ONCE; worker++) void work();
}

/** The stream's caller is nobody any more. */
export function unknownCaller(service: string): SallyportError {
  return new SallyportError('AUTH_FAILED', `service ${service}: the token is no longer known`);
}
