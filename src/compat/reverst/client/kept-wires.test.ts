import assert from 'node:assert/strict';
import type net from 'node:net';
import { test, type TestContext } from 'node:test';
import { parseTarget } from '../../../net/target.ts';
import { serveTarget, type ServedTarget } from '../../../../test/support/reverst-exchange.ts';
import { startTcpTarget, type TcpTarget } from '../../../../test/support/tcp-targets.ts';
import { until } from '../../../../test/support/wait.ts';

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Kept {
  readonly target: TcpTarget;
  readonly served: ServedTarget;
  /** Heads as they came, with the number of their connection. */
  readonly heads: readonly string[];
}

/** A target that keeps its connections; `say` writes the answers. */
async function keeping(
  t: TestContext,
  say: (socket: net.Socket, requests: number) => void = (socket) => socket.write(answer),
): Promise<Kept> {
  const heads: string[] = [];
  const target = await startTcpTarget(t, (socket) => {
    const connection = target.accepted();
    let requests = 0;
    let text = '';
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        heads.push(`${connection} ${text.slice(0, text.indexOf('\r\n'))}`);
        text = text.slice(end + 4);
        say(socket, ++requests);
      }
    });
  });
  return { target, served: serveTarget(parseTarget(target.address)), heads };
}

/** Asks and waits for the whole answer. */
async function asked({ served }: Kept, method = 'GET', body = ''): Promise<string> {
  const { exchange, got, settled } = served.ask({ method });
  if (body !== '') exchange.body(Buffer.from(body));
  exchange.end();
  await settled();
  return `${got.head?.status} ${got.text}`;
}

test('requests without a body go one after the other over one connection', async (t) => {
  const kept = await keeping(t);
  for (let n = 0; n < 3; n++) assert.equal(await asked(kept), '200 ok');
  assert.equal(kept.target.accepted(), 1);
});

test('requests at the same time have a connection each', async (t) => {
  const kept = await keeping(t);
  await Promise.all([asked(kept), asked(kept), asked(kept)]);
  assert.equal(kept.target.accepted(), 3);
});

test('what may not be sent twice has a new connection, and a body leaves none behind', async (t) => {
  const kept = await keeping(t);
  await asked(kept);
  await asked(kept, 'POST');
  assert.equal(kept.target.accepted(), 2, 'a POST takes no kept one');
  await asked(kept, 'GET', 'body');
  assert.equal(kept.target.accepted(), 3, 'nor does a body');
  await until('its connection is closed', () => {
    kept.served.ends.memory.run();
    return kept.target.open.size === 2;
  });
});

test('a kept connection that the target closes under a request is replaced by a new one', async (t) => {
  const kept = await keeping(t, (socket, n) => (n === 1 ? socket.write(answer) : socket.destroy()));
  assert.equal(await asked(kept), '200 ok');
  assert.equal(await asked(kept), '200 ok');
  assert.deepEqual(kept.heads, ['1 GET / HTTP/1.1', '1 GET / HTTP/1.1', '2 GET / HTTP/1.1']);
});

test('a new connection that the target closes is a 502: nothing is sent for ever', async (t) => {
  const kept = await keeping(t, (socket) => socket.destroy());
  assert.match(await asked(kept), /^502/);
  assert.equal(kept.heads.length, 1);
});

const unkept: [name: string, answer: string][] = [
  ['says that it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['is one of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['has bytes behind it', `${answer}HTTP/1.1 200 OK\r\n\r\nforged`],
];
for (const [name, bytes] of unkept) {
  test(`behind a response that ${name} the connection is not kept`, async (t) => {
    const kept = await keeping(t, (socket) => socket.write(bytes));
    assert.equal(await asked(kept), '200 ok');
    assert.equal(await asked(kept), '200 ok');
    assert.equal(kept.target.accepted(), 2);
  });
}

test('a response that nobody asked for ends a connection that rests', async (t) => {
  const kept = await keeping(t);
  await asked(kept);
  for (const socket of kept.target.open)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged');
  await until('it is closed', () => kept.target.open.size === 0);
  assert.equal(await asked(kept), '200 ok');
});
