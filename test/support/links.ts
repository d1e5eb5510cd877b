/** Two WebSocket links joined by a real loopback connection. */
import type { TestContext } from 'node:test';
import { WebSocketLink, type Masking } from '../../src/transport/websocket/link.ts';
import type { LinkPair } from '../conformance/link.ts';
import { connectWires, type WireKind } from './wires.ts';

/** Connects; both links end with the test. `masking` is the dialling end's. */
export async function connectLinks(
  t: TestContext,
  kind: WireKind,
  masking: Masking,
): Promise<LinkPair> {
  const { dialled, accepted, pool } = await connectWires(t, kind);
  return {
    dialled: new WebSocketLink(dialled, masking),
    accepted: new WebSocketLink(accepted, 'none'),
    stall: () => void dialled.socket.pause(),
    heal: () => dialled.resume(),
    cut() {
      dialled.destroy();
      accepted.destroy();
    },
    slabsOut: () => pool.out,
  };
}
