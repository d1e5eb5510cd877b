import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, ok, relay } from '../../../test/support/http-ingress.ts';
import { createCidrSet } from '../../net/cidr.ts';

const trusted = createCidrSet(['127.0.0.1', '10.0.0.0/8']);

const ask = (host: string, fields: string): string =>
  `GET / HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;

test('behind a trusted proxy each request has the client that it names', async (t) => {
  const played = await relay(t, { trusted });
  const { client } = played;
  const { localPort } = client.socket;
  const seen: string[] = [];
  for (const [n, fields] of [
    'X-Forwarded-For: 6.6.6.6, 192.0.2.1:5000, 10.0.0.1\r\n',
    'Forwarded: for="[2001:db8::1]"\r\n',
    '',
    'X-Forwarded-For: unknown\r\n',
  ].entries()) {
    // Another service each time, so that each request opens a stream.
    client.send(ask(n % 2 === 0 ? 'a.test' : 'b.test', fields));
    const stream = (await arrived(played, 1, n)).accept().answer(ok(`answer ${n}`));
    await client.until((text) => text.endsWith(`answer ${n}`));
    assert.equal(played.lines[n].consumer, stream.request.consumer);
    seen.push(stream.request.consumer);
  }
  const proxy = `127.0.0.1:${localPort}`;
  assert.deepEqual(seen, ['192.0.2.1:5000', '[2001:db8::1]:0', proxy, proxy]);
});

test('on a kept stream, too, each line of the log has its own client', async (t) => {
  const played = await relay(t, { trusted });
  for (let n = 1; n <= 3; n++) {
    played.client.send(get('/', `X-Forwarded-For: 192.0.2.${n}\r\n`));
    (await arrived(played, n)).answer(ok(`answer ${n}`));
    await played.client.until((text) => text.endsWith(`answer ${n}`));
  }
  assert.deepEqual(
    played.lines.map(({ consumer }) => consumer),
    ['192.0.2.1:0', '192.0.2.2:0', '192.0.2.3:0'],
  );
  assert.equal(played.streams.length, 1);
});

test('a refused request has its client in the log, and own endpoints hear of it', async (t) => {
  const peers: string[] = [];
  const played = await relay(t, {
    trusted,
    own: {
      find({ path }, peer) {
        peers.push(`${peer.address} ${peer.text}`);
        return path === '/own' ? { status: 200, body: 'own\n' } : null;
      },
    },
  });
  const fields = 'X-Forwarded-For: 192.0.2.1\r\n';
  played.client.send(`GET /own HTTP/1.1\r\nHost: own.test\r\n${fields}\r\n`);
  played.client.send(ask('nobody.test', fields));
  await played.until(() => played.lines.length === 2);
  assert.deepEqual(
    played.lines.map(({ status, consumer }) => `${status} ${consumer}`),
    ['200 192.0.2.1:0', '404 192.0.2.1:0'],
  );
  assert.deepEqual(peers, Array(2).fill('127.0.0.1 192.0.2.1:0'));
});

test('spoofing: who is not trusted is whom the connection shows, whatever it writes', async (t) => {
  const played = await relay(t);
  const { client } = played;
  client.send(get('/', 'X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n'));
  const stream = (await arrived(played, 1)).accept().answer(ok('x'));
  await client.until((text) => text.endsWith('x'));
  const peer = `127.0.0.1:${client.socket.localPort}`;
  assert.deepEqual([stream.request.consumer, played.lines[0].consumer], [peer, peer]);
});
