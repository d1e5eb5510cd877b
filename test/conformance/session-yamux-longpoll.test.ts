import { YamuxSession } from '../../src/session/yamux/session.ts';
import { gatheringOut } from '../../src/session/yamux/outbox.ts';
import { connectPollLinks } from '../support/poll-links.ts';
import { sessionConformance } from './session.ts';

sessionConformance(
  'yamux over long-poll',
  async (t, client, server) => {
    const links = await connectPollLinks(t);
    return {
      client: new YamuxSession(links.dialled, { client: true, events: client }),
      server: new YamuxSession(links.accepted, { client: false, events: server }),
      stall: links.stall,
      heal: links.heal,
      cut: links.cut,
      slabsOut: () => links.slabsOut() + gatheringOut(),
    };
  },
  { bulkBytes: 32 * 1024 * 1024 },
);
