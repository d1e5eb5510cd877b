/** Agents and servers of WStunnel that break its rules, or take what they can get. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { ask } from '../support/http-client.ts';
import { until, within } from '../support/wait.ts';
import { byToken, ok, playAgent, rendezvous, type Asked } from '../support/wstunnel-agent.ts';
import { startWstunnel, statsOf } from '../support/wstunnel-dialect.ts';

const neighbour = 'the-token-of-a-good-neighbour';

/** A server with a good agent beside the bad one, and what shows that it is unharmed. */
async function startWatched(t: TestContext) {
  const server = await startWstunnel(t);
  await playAgent(t, server, { token: neighbour, answer: (asked) => asked.answer(ok('well')) });
  return {
    server,
    async unharmed() {
      const { text } = await ask({ ...server, headers: { 'X-Token': neighbour } });
      assert.equal(text, 'well');
    },
  };
}

describe('messages that are none end their tunnel, and nothing else', () => {
  const messages: readonly [what: string, message: Buffer | string][] = [
    ['text', 'text, where bytes are due'],
    ['an empty one', Buffer.alloc(0)],
    ['half an id', Buffer.from('00')],
    ['an id of other letters', Buffer.from('zzzzHTTP/1.1 200 OK\r\n\r\n')],
    ['an id with a sign', Buffer.from('-001HTTP/1.1 200 OK\r\n\r\n')],
    ['an id with a space', Buffer.from(' 001HTTP/1.1 200 OK\r\n\r\n')],
    ['an id above 7fff', Buffer.from('8000HTTP/1.1 200 OK\r\n\r\n')],
  ];
  for (const [what, message] of messages)
    test(what, async (t) => {
      const { server, unharmed } = await startWatched(t);
      const bad = await playAgent(t, server);
      const asked = ask({ ...server, method: 'POST', headers: byToken, body: 'x' });
      await bad.request(0);
      bad.socket.send(message);
      await within(5_000, bad.closed, 'the end of the tunnel');
      assert.equal((await asked).status, 502);
      await unharmed();
    });

  test('a frame that is masked wrongly, or of a kind that there is not', async (t) => {
    const { server, unharmed } = await startWatched(t);
    for (const frame of [Buffer.from([0x82, 0x01, 0x00]), Buffer.from([0x83, 0x80, 0, 0, 0, 0])]) {
      const bad = await playAgent(t, server);
      const { _socket: socket } = bad.socket as unknown as { _socket: net.Socket };
      socket.write(frame);
      await within(5_000, bad.closed, 'the end of the tunnel');
    }
    await unharmed();
  });
});

describe('responses that are none', () => {
  const responses: readonly [what: string, response: string, status: number][] = [
    ['nothing at all', '', 502],
    ['no HTTP', 'hello\r\n\r\n', 502],
    ['half a head', 'HTTP/1.1 200 OK\r\nA: b\r\n', 502],
    ['a first line without an end', 'HTTP/1.1 200 '.padEnd(20_000, 'x'), 502],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 502],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      502,
    ],
    ['a change of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 502],
    ['a bare line end in a field', 'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n', 502],
  ];
  for (const [what, response, status] of responses)
    test(`${what}: ${status}, and the tunnel serves on`, async (t) => {
      const server = await startWstunnel(t);
      let bad = true;
      await playAgent(t, server, {
        answer: (asked) => asked.answer(bad ? response : ok('after all')),
      });
      const post = { ...server, method: 'POST', headers: byToken, body: 'x' };
      assert.equal((await ask(post)).status, status);
      bad = false;
      assert.equal((await ask(post)).text, 'after all');
    });

  test('a second response in the first does not reach the next request', async (t) => {
    const server = await startWstunnel(t);
    const smuggled = Buffer.concat([ok('first'), ok('smuggled')]);
    const answers = [smuggled, ok('second')];
    await playAgent(t, server, { answer: (asked) => asked.answer(answers.shift()!) });
    const socket = net.connect(server.port, '127.0.0.1');
    t.after(() => socket.destroy());
    const request = `GET / HTTP/1.1\r\nHost: x\r\nX-Token: ${rendezvous}\r\n\r\n`;
    socket.write(request + request);
    let text = '';
    socket.on('data', (piece: Buffer) => (text += piece.toString()));
    await until('both are answered', () => text.includes('first') && text.includes('second'));
    assert.ok(!text.includes('smuggled'));
  });

  test('responses to nobody, twice, and to a request of another tunnel are thrown away', async (t) => {
    const server = await startWstunnel(t);
    const held: Asked[] = [];
    const first = await playAgent(t, server, { answer: (asked) => void held.push(asked) });
    const asked = ask({ ...server, headers: byToken });
    await first.request(0);
    const other = await playAgent(t, server, { token: neighbour });
    other.socket.send(Buffer.concat([Buffer.from('0001'), ok('from elsewhere')]));
    first.socket.send(Buffer.concat([Buffer.from('0777'), ok('to nobody')]));
    held[0].answer(ok('right'));
    held[0].answer(ok('twice'));
    assert.equal((await asked).text, 'right');
    const next = ask({ ...server, headers: byToken });
    (await first.request(1)).answer(ok('next'));
    assert.equal((await next).text, 'next');
  });

  test('a response that breaks off in its middle is not taken for a whole one', async (t) => {
    const server = await startWstunnel(t);
    const agent = await playAgent(t, server);
    const asked = ask({ ...server, headers: byToken });
    (await agent.request(0)).answer('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    await assert.rejects(asked);
  });
});

describe('those who take their time', () => {
  test('a consumer that reads nothing holds up no other of its tunnel', async (t) => {
    const server = await startWstunnel(t);
    const large = ok(Buffer.alloc(20_000_000));
    await playAgent(t, server, {
      answer: (asked) => asked.answer(asked.text.startsWith('GET /large') ? large : ok('small')),
    });
    const slow = net.connect(server.port, '127.0.0.1');
    t.after(() => slow.destroy());
    slow.pause();
    slow.write(`GET /large HTTP/1.1\r\nHost: x\r\nX-Token: ${rendezvous}\r\n\r\n`);
    for (let i = 0; i < 20; i++)
      assert.equal((await ask({ ...server, path: '/small', headers: byToken })).text, 'small');
  });

  test('an agent that reads nothing holds up no other', async (t) => {
    const { server, unharmed } = await startWatched(t);
    const stalled = await playAgent(t, server);
    stalled.socket.pause();
    const leaving = new AbortController();
    const body = Buffer.alloc(20_000_000);
    const posts = [1, 2, 3].map(() =>
      fetch(`http://127.0.0.1:${server.port}/`, {
        method: 'POST',
        headers: byToken,
        body,
        signal: leaving.signal,
      }).then(String, String),
    );
    await until('they are in its tunnel', async () =>
      (await statsOf(server)).includes('req_pending=3'),
    );
    for (let i = 0; i < 20; i++) await unharmed();
    leaving.abort();
    assert.deepEqual(
      new Set(await Promise.all(posts)),
      new Set(['AbortError: This operation was aborted']),
    );
  });

  test('consumers that leave before the end of their requests leave nothing behind', async (t) => {
    const server = await startWstunnel(t);
    const agent = await playAgent(t, server);
    for (let i = 0; i < 50; i++) {
      const socket = net.connect(server.port, '127.0.0.1');
      const head = `POST / HTTP/1.1\r\nHost: x\r\nX-Token: ${rendezvous}\r\nContent-Length: 1000\r\n\r\n`;
      socket.write(`${head}half`);
      await once(socket, 'connect');
      socket.destroy();
    }
    await until('none is pending', async () => (await statsOf(server)).includes('\nreq_pending=0'));
    assert.equal(agent.asked.length, 0);
  });
});

test('who tries tokens out has to wait, and leaves none behind', async (t) => {
  const server = await startWstunnel(t, { open: false, alone: false });
  const socket = net.connect(server.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  await once(socket, 'connect');
  const request = (i: number): string =>
    `GET /_tunnel HTTP/1.1\r\nHost: x\r\nOrigin: a-token-that-is-wrong-${i}\r\nConnection: Upgrade\r\n` +
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  const statuses = (): number => text.match(/^HTTP\/1\.1 (?:401|429) /gm)?.length ?? 0;
  for (let i = 0; i < 30 && !socket.destroyed; i++) {
    socket.write(request(i));
    await until('it is refused', () => statuses() === i + 1);
  }
  assert.match(text, /^HTTP\/1\.1 401 /);
  assert.match(text, /^HTTP\/1\.1 429 /m);
  assert.match(await statsOf(server), /^tunnels=0\n/);
});
