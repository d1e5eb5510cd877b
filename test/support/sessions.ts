/** Two yamux sessions over WebSocket links joined by a real loopback connection. */
import { YamuxSession } from '../../src/session/yamux/session.ts';
import { gatheringOut } from '../../src/session/yamux/outbox.ts';
import type { Masking } from '../../src/transport/websocket/link.ts';
import type { MakeCarrier } from '../conformance/session-pair.ts';
import { connectLinks } from './links.ts';
import type { WireKind } from './wires.ts';

/** Makes them; the dialling end is the yamux client. */
export function yamuxOver(kind: WireKind, masking: Masking): MakeCarrier {
  return async (t, client, server) => {
    const links = await connectLinks(t, kind, masking);
    return {
      client: new YamuxSession(links.dialled, { client: true, events: client }),
      server: new YamuxSession(links.accepted, { client: false, events: server }),
      stall: links.stall,
      heal: links.heal,
      cut: links.cut,
      slabsOut: () => links.slabsOut() + gatheringOut(),
    };
  };
}
