import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { SallyportError } from '../errors.ts';
import { TRANSPORT_FAILURES_MAX } from '../limits.ts';
import { PROTOCOL } from './messages.ts';
import { createDialler, type DiallerOptions, type Transport } from './transport-choice.ts';

type Way = 'open' | 'refused' | 'cut';

const refusal = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** A server, and what stands on the way to it: how each transport fares is set by the test. */
async function startWays(t: TestContext, options?: DiallerOptions) {
  const ways: Record<'websocket' | 'longpoll', Way> = { websocket: 'open', longpoll: 'open' };
  const tried: Transport[] = [];
  const sockets = new Set<Duplex>();
  const listener = http.createServer((request, response) => {
    if (request.method !== 'POST') return response.writeHead(404).end();
    tried.push('longpoll');
    if (ways.longpoll === 'cut') return request.socket.destroy();
    if (ways.longpoll === 'refused') return response.writeHead(400).end();
    const grant = { link: '0'.repeat(24), secret: 'A'.repeat(43) };
    return response.writeHead(201).end(JSON.stringify(grant));
  });
  listener.on('upgrade', (request, socket) => {
    sockets.add(socket.on('error', () => {}));
    tried.push('websocket');
    if (ways.websocket === 'cut') return socket.destroy();
    if (ways.websocket === 'refused') return socket.end(refusal);
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
    return socket.write(
      `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\n\r\n`,
    );
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.closeAllConnections();
    listener.close();
  });
  const url = new URL(`ws://127.0.0.1:${(listener.address() as net.AddressInfo).port}`);
  const told: string[] = [];
  const dialler = createDialler(
    'auto',
    { chose: (transport, why) => void told.push(`${transport} ${why?.code ?? ''}`.trim()) },
    options,
  );
  return {
    ways,
    told,
    /** What was tried, in order; `silent` is the transport that opens and then carries nothing. */
    async dial(silent?: Transport): Promise<readonly Transport[]> {
      tried.length = 0;
      const { signal } = new AbortController();
      await dialler.dial({ url, token: '', program: 'test', signal }, async (link) => {
        if ('close' in link) link.close(null);
        if (tried.at(-1) === silent)
          throw new SallyportError('HANDSHAKE_TIMEOUT', 'hello: no answer');
      });
      return [...tried];
    },
    tried,
  };
}

test('an upgrade is refused: single requests, which are remembered', async (t) => {
  const { ways, dial, told } = await startWays(t);
  ways.websocket = 'refused';
  assert.deepEqual(await dial(), ['websocket', 'longpoll']);
  assert.deepEqual(await dial(), ['longpoll']);
  assert.deepEqual(told, ['longpoll SERVER_NOT_SALLYPORT']);
});

test('an upgrade that lets nothing through is as good as none', async (t) => {
  const { dial, told } = await startWays(t);
  assert.deepEqual(await dial('websocket'), ['websocket', 'longpoll']);
  assert.deepEqual(told, ['longpoll HANDSHAKE_TIMEOUT']);
});

test('after some time the first of the list is tried again, and taken when it works', async (t) => {
  const { ways, dial, told } = await startWays(t, { retryMs: 0 });
  ways.websocket = 'refused';
  await dial();
  assert.deepEqual(await dial(), ['websocket', 'longpoll'], 'still in the way');
  ways.websocket = 'open';
  assert.deepEqual(await dial(), ['websocket']);
  assert.deepEqual(told, ['longpoll SERVER_NOT_SALLYPORT', 'websocket']);
});

test('a server that goes away for a while does not move those whom WebSocket has carried', async (t) => {
  const { ways, dial, told, tried } = await startWays(t);
  await dial();
  ways.websocket = 'cut';
  for (let n = 1; n < TRANSPORT_FAILURES_MAX; n++) {
    await assert.rejects(dial(), { code: 'SERVER_UNREACHABLE' });
    assert.deepEqual(tried, ['websocket']);
  }
  assert.deepEqual(await dial(), ['websocket', 'longpoll'], 'it is more than a restart');
  assert.deepEqual(told, ['longpoll SERVER_UNREACHABLE']);
});

test('both are in the way: the error is that of the first', async (t) => {
  const { ways, dial } = await startWays(t);
  ways.websocket = 'refused';
  ways.longpoll = 'cut';
  await assert.rejects(dial(), { code: 'SERVER_NOT_SALLYPORT' });
});
