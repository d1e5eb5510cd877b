/** Two yamux sessions over two links that are joined. */
import type { TestContext } from 'node:test';
import { YamuxSession } from '../../src/session/yamux/session.ts';
import { gatheringOut } from '../../src/session/yamux/outbox.ts';
import type { Masking } from '../../src/transport/websocket/link.ts';
import type { LinkPair } from '../conformance/link.ts';
import type { MakeCarrier } from '../conformance/session-pair.ts';
import { connectLinks } from './links.ts';
import type { WireKind } from './wires.ts';

/** Over links of any kind; the dialling end is the yamux client. */
export function yamuxOverLinks(connect: (t: TestContext) => Promise<LinkPair>): MakeCarrier {
  return async (t, client, server) => {
    const links = await connect(t);
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

/** Over WebSocket, joined by a real loopback connection. */
export function yamuxOver(kind: WireKind, masking: Masking): MakeCarrier {
  return yamuxOverLinks((t) => connectLinks(t, kind, masking));
}
