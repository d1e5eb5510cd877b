/** A gate under test: what is asked of its policy, what its upstream is given, and what it tells. */
import { PlayedStream } from './http-ingress.ts';
import type { AccessRequest, Decision } from '../../src/access/policy/policy.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { SallyportEvent } from '../../src/events/event.ts';
import { createEventLog } from '../../src/events/log.ts';
import { createGate, type Passage } from '../../src/registry/gate.ts';
import { createLiveStreams } from '../../src/registry/live-streams.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../src/registry/upstream.ts';
import { createWaitingRoom, type WhenAbsent } from '../../src/registry/waiting-room.ts';
import type { StreamEnd } from '../../src/session/session.ts';

export const yes: Decision = { allow: true, reason: 'rule 1' };
/** Notes what it is told. */
class Receiver implements UpstreamReceiver {
  readonly told: string[] = [];
  data = (): void => void this.told.push('data');
  finished = (): void => void this.told.push('finished');
  reset = ({ code }: SallyportError): void => void this.told.push(code);
  drained = (): void => void this.told.push('drained');
  leaving = (): void => void this.told.push('leaving');
}

/** A stream of an upstream that tells how it ended. */
class Opened extends PlayedStream {
  override onOver: ((end: StreamEnd) => void) | null = null;

  override reset(why?: SallyportError): void {
    if (this.wasReset) return;
    super.reset();
    this.onOver?.(why ?? 'closed');
  }
}

/** The policy decides by `decide`; `wish` is that of every service while nobody serves it. */
export function createGateRoad(
  decide: (question: AccessRequest) => Decision | Promise<Decision> = () => yes,
  wish: WhenAbsent | null = null,
) {
  const opened: Opened[] = [];
  const questions: AccessRequest[] = [];
  const told: string[] = [];
  const upstream = { id: 's1', streams: 1 } as Upstream;
  let failure: SallyportError | null = null;
  const events = createEventLog();
  events.listen((event: SallyportEvent) => {
    const what = 'outcome' in event ? event.outcome : 'code' in event ? event.code : '';
    const who = 'identity' in event ? event.identity : '';
    told.push(`${event.type} ${who} ${what}`.trim());
  });
  const live = createLiveStreams();
  const room = createWaitingRoom(() => wish);
  const gate = createGate({
    registry: {
      open(request, receiver) {
        if (failure !== null) throw failure;
        opened.push(new Opened(request, receiver, () => {}));
        return { stream: opened.at(-1)!, upstream };
      },
    },
    policy: () => ({
      authorize(question) {
        questions.push(question);
        return decide(question);
      },
      close() {},
    }),
    room,
    live,
    events,
  });
  let count = 0;
  return {
    opened,
    questions,
    told,
    live,
    room,
    upstream,
    fail: (error: SallyportError | null) => void (failure = error),
    open(passage?: Passage, request: Partial<StreamRequest> = {}) {
      const receiver = new Receiver();
      const whole = { service: 'box', kind: 'tcp', consumer: '192.0.2.1:5', id: `i${++count}` };
      const passed = gate.open({ ...whole, ...request } as StreamRequest, receiver, passage);
      return { ...passed, passed, receiver };
    },
  };
}

/** Promises that were resolved by now have been acted on. */
export const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
