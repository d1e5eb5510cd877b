/** What stands between client and server and answers itself; peers that take and never acknowledge. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { connectPollLinks, type Between } from '../../../test/support/poll-links.ts';
import { until } from '../../../test/support/wait.ts';
import type { SallyportError } from '../../errors.ts';
import {
  POLL_KEPT_MAX_BYTES,
  POLL_REQUEST_MAX_BYTES,
  POLL_REQUEST_MIN_BYTES,
  POLL_WINDOW_MIN_BYTES,
} from '../../limits.ts';
import { HEADROOM, type Slab } from '../../net/slab.ts';
import type { Link } from '../link.ts';
import { pollFields, POLL_PATH } from './messages.ts';
import { pollBytesKept } from './poll-link.ts';
import { createPollRequests, type PollAnswer } from './requests.ts';
import { createPollServer } from './server.ts';

interface Heard {
  text: string;
  readonly closings: (SallyportError | null)[];
}

function listen(link: Link): Heard {
  const heard: Heard = { text: '', closings: [] };
  link.receive({
    bytes(slab: Slab, start: number, end: number) {
      heard.text += slab.bytes.toString('latin1', start, end);
    },
    closed: (error) => void heard.closings.push(error),
  });
  return heard;
}

function say(link: Link, text: string): void {
  const bytes = Buffer.from(' '.repeat(HEADROOM) + text);
  link.send(bytes, HEADROOM, bytes.length);
}

/** An answer that is not the server's. */
function answering(status: number, body: string): Between {
  return async (request) => {
    const answer: PollAnswer = { status, field: () => undefined, onBytes: null, text: '' };
    request.began(answer);
    if (body !== '') answer.onBytes?.(Buffer.from(body));
    return answer;
  };
}

const interferences: Record<string, Between> = {
  'a login page with 200': answering(200, '<html>Please log in</html>'),
  'a 200 without a body': answering(200, ''),
  'a 204': answering(204, ''),
  'an error page': answering(502, '<html>Bad Gateway</html>'),
};

for (const [name, interfere] of Object.entries(interferences)) {
  test(`${name} by something on the way is no byte of the link, and the link goes on after it`, async (t) => {
    let left = 6;
    const pair = await connectPollLinks(t, {
      graceMs: 60_000,
      between: (request, make) => (left-- > 0 ? interfere(request, make) : make(request)),
    });
    const near = listen(pair.dialled);
    const far = listen(pair.accepted);
    say(pair.dialled, 'up');
    say(pair.accepted, 'down');
    await until('both have come', () => far.text === 'up' && near.text === 'down', 30_000);
    assert.deepEqual([near.closings, far.closings], [[], []]);
  });
}

test('something that answers everything itself: the link is lost in time, not asked for again and again', async (t) => {
  const pair = await connectPollLinks(t, { graceMs: 300, between: answering(204, '') });
  const near = listen(pair.dialled);
  say(pair.dialled, 'up');
  await until('it is lost', () => near.closings.length > 0);
  assert.match(near.closings[0]!.message, /answered 204 in its place|did not take all bytes/);
  assert.ok(pair.made.length < 50, `${pair.made.length} requests`);
});

test('a proxy that takes small requests only: they become smaller until they pass', async (t) => {
  const sizes: number[] = [];
  const pair = await connectPollLinks(t, {
    graceMs: 60_000,
    between(request, make) {
      const size = request.body.reduce((sum, { length }) => sum + length, 0);
      if (request.method === 'POST') sizes.push(size);
      return size > 40_000 ? answering(413, '')(request, make) : make(request);
    },
  });
  listen(pair.dialled);
  const far = listen(pair.accepted);
  const text = 'x'.repeat(300_000);
  say(pair.dialled, text);
  await until('all has come', () => far.text.length === text.length, 30_000);
  assert.ok(sizes.every((size) => size <= POLL_REQUEST_MAX_BYTES && size > 0));
  assert.ok(sizes.some((size) => size >= POLL_REQUEST_MIN_BYTES && size <= 40_000));
});

test('a server that takes the connection and never ends the TLS handshake is given up', async (t) => {
  const silent = net.createServer(() => {});
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as net.AddressInfo;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const requests = createPollRequests(new URL(`https://127.0.0.1:${port}`), {});
  t.after(() => requests.close());
  const reached = once(silent, 'connection');
  const made = requests.make({
    method: 'POST',
    path: '',
    fields: {},
    body: [],
    waitMs: 60_000,
    signal: new AbortController().signal,
    began() {},
  });
  await reached;
  t.mock.timers.tick(10_000);
  await assert.rejects(made, { code: 'HANDSHAKE_TIMEOUT' });
});

/** A server whose clients this test plays, request by request. */
async function startPolls(t: TestContext, graceMs: number) {
  const server = createPollServer({ graceMs, holdMs: 50 });
  const listener = http.createServer((request, response) =>
    server.serve(request.url!.slice(POLL_PATH.length + 1), request, response),
  );
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    listener.closeAllConnections();
    listener.close();
  });
  const { port } = listener.address() as net.AddressInfo;
  let number = 0;
  return {
    open: () => server.open(),
    /** Asks for bytes; answers the status, and how many bytes came. */
    async ask({ link, secret }: { link: string; secret: string }, ack: number) {
      const words = { number: number++, at: 0, ack };
      const headers = pollFields(Buffer.from(secret, 'base64url'), 'GET', link, words);
      const answer = await fetch(`http://127.0.0.1:${port}${POLL_PATH}/${link}`, { headers });
      return { status: answer.status, length: (await answer.arrayBuffer()).byteLength };
    },
  };
}

test('clients that acknowledge nothing: what all of them make the server keep is bounded', async (t) => {
  const polls = await startPolls(t, 60_000);
  const before = pollBytesKept();
  const piece = Buffer.alloc(HEADROOM + 1024 * 1024);
  const greedy = Array.from({ length: POLL_KEPT_MAX_BYTES / piece.length + 2 }, () => polls.open());
  for (const { link } of greedy) link.send(piece, HEADROOM, piece.length);
  const honest = polls.open();
  honest.link.send(piece, HEADROOM, piece.length);
  const first = await polls.ask(honest.grant, 0);
  assert.deepEqual(first, { status: 200, length: POLL_WINDOW_MIN_BYTES });
  const second = await polls.ask(honest.grant, first.length);
  assert.deepEqual(second, { status: 200, length: POLL_WINDOW_MIN_BYTES });
  for (const { link } of greedy) link.close(null);
  assert.ok(pollBytesKept() > before, 'a close waits for its client');
});

test('a link that was closed does not live on by the requests of a client that takes nothing', async (t) => {
  const polls = await startPolls(t, 400);
  const { link, grant } = polls.open();
  const piece = Buffer.alloc(HEADROOM + 1_000);
  link.send(piece, HEADROOM, piece.length);
  link.close(null);
  let status = 0;
  await until('it is forgotten', async () => {
    ({ status } = await polls.ask(grant, 0));
    return status === 404;
  });
  assert.equal(status, 404);
});
