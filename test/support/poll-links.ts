/** Two ends of a polled link, joined by a real HTTP server on loopback. */
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import type { TestContext } from 'node:test';
import { openPollClient } from '../../src/transport/longpoll/client.ts';
import { POLL_PATH } from '../../src/transport/longpoll/messages.ts';
import { pollSlabsOut } from '../../src/transport/longpoll/poll-link.ts';
import {
  createPollRequests,
  type PollRequest,
  type PollRequests,
} from '../../src/transport/longpoll/requests.ts';
import { createPollServer, type PollServer } from '../../src/transport/longpoll/server.ts';
import type { LinkPair } from '../conformance/link.ts';

export interface PollPair extends LinkPair {
  readonly server: PollServer;
  readonly url: URL;
  readonly grant: { readonly link: string; readonly secret: string };
  /** Requests that were made. */
  readonly made: PollRequest[];
}

/** What stands between client and server: does something before, after or instead of a request. */
export type Between = (
  request: PollRequest,
  make: PollRequests['make'],
) => ReturnType<PollRequests['make']>;

export interface PollPairOptions {
  readonly between?: Between;
  readonly graceMs?: number;
  readonly holdMs?: number;
}

export async function connectPollLinks(
  t: TestContext,
  options: PollPairOptions = {},
): Promise<PollPair> {
  const { graceMs = 1_000, between = (request, make) => make(request) } = options;
  const server = createPollServer({ graceMs, holdMs: options.holdMs ?? 10_000 });
  const listener = http.createServer((request, response) =>
    server.serve(request.url!.slice(POLL_PATH.length + 1), request, response),
  );
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(listener.address() as net.AddressInfo).port}`);
  const { link: accepted, grant } = server.open();
  const real = createPollRequests(url, {});
  const made: PollRequest[] = [];
  let gone = false;
  let stalled = Promise.resolve();
  let heal = (): void => {};
  const requests: PollRequests = {
    async make(request) {
      if (request.method === 'GET') await stalled;
      if (gone) throw new Error('the network is gone');
      made.push(request);
      return between(request, real.make);
    },
    close: () => real.close(),
  };
  const dialled = openPollClient({
    requests,
    id: grant.link,
    secret: Buffer.from(grant.secret, 'base64url'),
    graceMs,
  });
  t.after(() => {
    gone = true;
    heal();
    dialled.close(null);
    server.close();
    real.close();
    listener.closeAllConnections();
    listener.close();
  });
  return {
    dialled,
    accepted,
    server,
    url,
    grant,
    made,
    stall() {
      stalled = new Promise((resolve) => (heal = resolve));
    },
    heal: () => heal(),
    cut() {
      gone = true;
      heal();
      listener.closeAllConnections();
    },
    slabsOut: pollSlabsOut,
  };
}
