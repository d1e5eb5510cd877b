/**
 * The one way to an upstream. Every stream passes here, whoever it is for: the scopes of its caller
 * and the policy authorise it, it is listed while it lives, and its opening, refusal and end become
 * events.
 */
import type { Identity } from '../access/identity.ts';
import { demand } from '../access/policy/demand.ts';
import type { Policy } from '../access/policy/policy.ts';
import type { Quotas } from '../access/quotas.ts';
import { mayConsume } from '../access/scopes.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import { PENDING_STREAMS_MAX } from '../limits.ts';
import { parseDialAddress } from '../net/address.ts';
import type { Stream } from '../session/session.ts';
import type { LiveStreams } from './live-streams.ts';
import { Passing } from './passing.ts';
import { PendingStream, type PendingHeld } from './pending-stream.ts';
import { rejudgeStreams, unknownCaller, type Current } from './rejudge.ts';
import { unvouched, type ServiceRules } from './service-rules.ts';
import type { ServiceRegistry } from './services.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from './upstream.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface GateOptions {
  readonly registry: Pick<ServiceRegistry, 'open'>;
  /** Asked for each stream: a reload may have put another in its place. */
  readonly policy: () => Policy;
  /** Where streams wait while no agent is there. */
  readonly room: WaitingRoom;
  /** Limits of who opens streams and of services. Absent: there are none. */
  readonly quotas?: Pick<Quotas, 'stream'>;
  readonly live: LiveStreams;
  readonly events: EventLog;
  /** Which services ask who their callers are. Absent: none does. */
  readonly rules?: Pick<ServiceRules, 'of'>;
}

/** Who wants the stream: null when nobody has said, a promise while that is being found out. */
export type Caller = Identity | null | Promise<Identity | null>;

export interface Passage {
  readonly caller?: Caller;
  /** Upstreams to leave out. */
  readonly tried?: readonly Upstream[];
}

export interface PassedStream {
  readonly stream: Stream;
  /** Who serves it; null while that is not known yet. */
  readonly upstream: Upstream | null;
  /** For whom it was opened: null for nobody in particular, and while that is not known yet. */
  readonly identity: Identity | null;
  /** It may stay open while it carries nothing, by now: nobody has to wait for its place, or for its end. */
  readonly keepable: boolean;
}

export interface Gate {
  /**
   * Opens a stream of the service. What can be decided at once is: then it throws DENIED,
   * LIMIT_REACHED, SERVICE_UNKNOWN, SERVICE_ABSENT or what the last upstream threw. What takes time is decided while
   * the stream is pending; a refusal arrives as `receiver.reset`. A `caller` that rejects refuses the
   * stream with its error.
   */
  open(request: StreamRequest, receiver: UpstreamReceiver, passage?: Passage): PassedStream;
  /**
   * Judges every stream again that is open or waits: who may do what has changed. Those that may not
   * be any more are ended, with AUTH_FAILED when `current` knows their caller no longer, or DENIED.
   */
  rejudge(current: Current): void;
}

export function createGate(options: GateOptions): Gate {
  const { registry, room } = options;
  let pending = 0;
  const held: PendingHeld = { bytes: 0 };
  let current: Current = (identity) => identity;
  let rejudgement = new AbortController();

  /** Throws DENIED, or answers the promise of a decision; undefined: allowed. */
  function judge(identity: Identity | null, request: StreamRequest): Promise<void> | undefined {
    const { service, consumer, key = null } = request;
    const target = request.target === undefined ? null : parseDialAddress(request.target, 'target');
    const denied = identity === null ? null : mayConsume(identity, service, target);
    if (denied !== null) throw denied;
    const rule = options.rules?.of(service) ?? null;
    const foreign = rule === null ? null : unvouched(rule, identity, service);
    if (foreign !== null) throw foreign;
    const action = request.kind === 'http' ? 'http' : 'connect';
    return demand(options.policy(), { action, identity, service, target, consumer, key });
  }

  /** It is known now who asks: who that was before a change may be nobody after it. */
  function meet(passing: Passing, caller: Identity | null): Promise<void> | undefined {
    const { service } = passing.request;
    passing.identity = caller === null ? null : current(caller);
    passing.known = true;
    if (caller !== null && passing.identity === null) throw unknownCaller(service);
    return judge(passing.identity, passing.request);
  }

  /** Opens the stream, or answers what it has to wait for. */
  function pass(passing: Passing, receiver: UpstreamReceiver): Promise<void> | undefined {
    try {
      passing.list(passing.through(registry, receiver));
      return undefined;
    } catch (thrown) {
      const place = passing.await(room, thrown);
      if (place === null) throw thrown;
      return place;
    }
  }

  /** The stream exists from now on; whether it may pass, and where to, is found out meanwhile. */
  function wait(passing: Passing, receiver: UpstreamReceiver, until: Promise<unknown>): void {
    if (pending >= PENDING_STREAMS_MAX) {
      until.catch(() => {}); // refused already, whatever comes of it
      const why = `${PENDING_STREAMS_MAX} streams wait already`;
      throw new SallyportError('SERVER_BUSY', `service ${passing.request.service}: ${why}`);
    }
    pending++;
    const stream = new PendingStream(receiver, held);
    passing.list(stream);
    join(passing, stream, until)
      .catch((thrown: unknown) => {
        if (!stream.over) stream.refuse(passing.refused(asSallyportError(thrown)));
      })
      .finally(() => pending--);
  }

  async function join(passing: Passing, stream: PendingStream, until: Promise<unknown>) {
    await until;
    while (!stream.over) {
      try {
        stream.join((receiver) => passing.through(registry, receiver));
        return;
      } catch (thrown) {
        const place = passing.await(room, thrown);
        if (place === null) throw thrown;
        await place;
      }
    }
  }

  return {
    open(request, receiver, { caller = null, tried = [] } = {}) {
      const passing = new Passing(request, tried, options);
      try {
        if (caller instanceof Promise) {
          passing.known = false;
          wait(
            passing,
            receiver,
            caller.then((identity) => meet(passing, identity)),
          );
          return passing;
        }
        passing.identity = caller;
        const judged = judge(caller, request) ?? pass(passing, receiver);
        if (judged !== undefined) wait(passing, receiver, judged);
        return passing;
      } catch (thrown) {
        throw passing.refused(asSallyportError(thrown));
      }
    },

    rejudge(now) {
      current = now;
      rejudgement.abort();
      rejudgement = new AbortController();
      rejudgeStreams(options.live, { current, judge }, rejudgement.signal);
    },
  };
}
