/** A gate that lets everything through, to a registry under test. */
import { createGrantPolicy } from '../../src/access/policy/grant.ts';
import { createEventLog } from '../../src/events/log.ts';
import { createGate, type Gate, type GateOptions } from '../../src/registry/gate.ts';
import { createLiveStreams } from '../../src/registry/live-streams.ts';
import { createWaitingRoom } from '../../src/registry/waiting-room.ts';

export function openGate(
  registry: GateOptions['registry'],
  options: Partial<GateOptions> = {},
): Gate {
  const policy = createGrantPolicy('a test');
  return createGate({
    registry,
    policy: () => policy,
    room: createWaitingRoom(() => null),
    live: createLiveStreams(),
    events: createEventLog(),
    ...options,
  });
}
