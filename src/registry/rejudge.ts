/** What was allowed is judged again when who may do what has changed. */
import type { Identity } from '../access/identity.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import { REJUDGED_AT_ONCE } from '../limits.ts';
import type { LiveStreams } from './live-streams.ts';
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
 * this returns, and so do all whose judgement needs no time; the others are judged until `signal` fires.
 */
export function rejudgeStreams(
  live: LiveStreams,
  { current, judge }: Judgement,
  signal: AbortSignal,
): void {
  for (const stream of live.list()) {
    if (stream.identity === null) continue;
    const identity = current(stream.identity);
    if (identity === null) live.kick(stream, unknownCaller(stream.request.service));
    else stream.identity = identity;
  }
  judgeEach(live.list().values(), {
    // While it is being found out who asks, it will be judged after that.
    judge: ({ known, identity, request, stream }) =>
      known && !stream.over ? judge(identity, request) : undefined,
    refuse: (stream, error) => live.kick(stream, error),
    signal,
  });
}

export interface Judging<Item> {
  /** Throws, or rejects with, why it may not be. */
  judge(item: Item): Promise<void> | undefined;
  refuse(item: Item, error: SallyportError): void;
  signal: AbortSignal;
}

/**
 * Judges all of them. What needs no time is done when this returns; of what does, a few are judged at
 * once: a policy that asks somebody must not drown in questions.
 */
export function judgeEach<Item>(items: IterableIterator<Item>, judging: Judging<Item>): void {
  const { judge, refuse, signal } = judging;
  const work = async (): Promise<void> => {
    for (const item of items) {
      if (signal.aborted) return;
      try {
        const judged = judge(item);
        if (judged !== undefined) await judged;
      } catch (thrown) {
        if (!signal.aborted) refuse(item, asSallyportError(thrown));
      }
    }
  };
  for (let worker = 0; worker < REJUDGED_AT_ONCE; worker++) void work();
}

/** The stream's caller is nobody any more. */
export function unknownCaller(service: string): SallyportError {
  return new SallyportError('AUTH_FAILED', `service ${service}: the token is no longer known`);
}
