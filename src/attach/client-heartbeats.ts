/** The heartbeats of a client's sessions: those over QUIC are watched more closely. */
import { QUIC_HEARTBEAT_MS } from '../limits.ts';
import { createHeartbeat, type Heartbeat } from '../session/heartbeat.ts';
import type { Dialled } from './transport-choice.ts';

export interface ClientHeartbeats {
  /** The one for a session that was dialled so. */
  of(dialled: Dialled): Heartbeat;
  close(): void;
}

/** `intervalMs`: the heartbeat; over QUIC it is QUIC_HEARTBEAT_MS at most. */
export function createClientHeartbeats(intervalMs: number): ClientHeartbeats {
  const usual = createHeartbeat(intervalMs);
  let quick: Heartbeat | null = null;
  return {
    of(dialled) {
      const standing = 'own' in dialled;
      if (!standing || intervalMs <= QUIC_HEARTBEAT_MS) return usual;
      return (quick ??= createHeartbeat(QUIC_HEARTBEAT_MS));
    },
    close() {
      usual.close();
      quick?.close();
    },
  };
}
