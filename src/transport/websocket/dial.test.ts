import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { until } from '../../../test/support/wait.ts';
import { SlabPool } from '../../net/slab.ts';
import { dialWebSocket, UpgradeRefused, type WebSocketDial } from './dial.ts';
import { acceptOf } from './handshake.ts';

const pool = new SlabPool(64 * 1024);

/** Answers each request with what `answer` makes of its key; null: nothing. */
async function startScript(
  t: TestContext,
  answer: (key: string, request: string) => string | null,
) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    let heard = '';
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
      if (!heard.endsWith('\r\n\r\n')) return;
      const said = answer(/Sec-WebSocket-Key: (.*)\r\n/.exec(heard)![1], heard);
      if (said !== null) socket.write(said);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  const dial = (options: Partial<WebSocketDial> = {}) =>
    dialWebSocket({
      url: new URL(`http://127.0.0.1:${port}/path?query`),
      protocol: 'offered',
      headers: { 'X-Mine': 'yes' },
      wayOut: {},
      timeoutMs: 5_000,
      pool,
      signal: new AbortController().signal,
      ...options,
    });
  return { dial, sockets };
}

const agreed = (key: string, more = ''): string =>
  `HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${more}\r\n`;

describe('dialling a WebSocket', () => {
  test('what stands behind the agreement is not lost, and nothing more is read', async (t) => {
    let asked = '';
    const { dial, sockets } = await startScript(t, (key, request) => {
      asked = request;
      return `${agreed(key, 'Sec-WebSocket-Protocol: offered\r\n')}early`;
    });
    const { wire, rest, protocol, masking } = await dial();
    t.after(() => wire.destroy());
    assert.deepEqual([rest.toString(), protocol, masking], ['early', 'offered', 'zero']);
    assert.match(asked, /^GET \/path\?query HTTP\/1\.1\r\n[^]*\r\nX-Mine: yes\r\n/);
    let heard = '';
    wire.reader = {
      read(slab, start, end) {
        heard += slab.bytes.toString('latin1', start, end);
        return true;
      },
      ended() {},
      closed() {},
    };
    for (const socket of sockets) socket.write('later');
    wire.resume();
    await until('it comes', () => heard === 'later');
  });

  test('a server may leave the subprotocol out, but not speak another', async (t) => {
    const without = await startScript(t, (key) => agreed(key));
    const { wire, protocol } = await without.dial();
    wire.destroy();
    assert.equal(protocol, null);
    const other = await startScript(t, (key) => agreed(key, 'Sec-WebSocket-Protocol: other\r\n'));
    await assert.rejects(other.dial(), { code: 'SERVER_NOT_SALLYPORT' });
    await assert.rejects(other.dial({ protocol: null }), { code: 'SERVER_NOT_SALLYPORT' });
  });

  const refusals: [status: number, code: string][] = [
    [401, 'AUTH_FAILED'],
    [403, 'DENIED'],
    [404, 'SERVICE_UNKNOWN'],
    [409, 'NAME_TAKEN'],
    [429, 'SERVER_BUSY'],
    [503, 'SERVER_BUSY'],
    [200, 'SERVER_NOT_SALLYPORT'],
  ];
  for (const [status, code] of refusals)
    test(`${status} is ${code}, with its body`, async (t) => {
      const answer = `HTTP/1.1 ${status} Why\r\nContent-Length: 4\r\n\r\nbody`;
      const { dial } = await startScript(t, () => answer);
      await assert.rejects(dial(), (error: UpgradeRefused) => {
        assert.ok(error instanceof UpgradeRefused);
        assert.deepEqual([error.code, error.head.status, error.body], [code, status, 'body']);
        return true;
      });
    });

  test('answers that are none, or none in time', async (t) => {
    const noise = await startScript(t, () => 'SSH-2.0-x\r\n\r\n');
    await assert.rejects(noise.dial(), { code: 'SERVER_NOT_SALLYPORT' });
    const long = await startScript(t, () => 'x'.repeat(100_000));
    await assert.rejects(long.dial(), { code: 'SERVER_NOT_SALLYPORT' });
    const wrong = await startScript(t, () => agreed('another key'));
    await assert.rejects(wrong.dial(), { code: 'SERVER_NOT_SALLYPORT' });
    const silent = await startScript(t, () => null);
    await assert.rejects(silent.dial({ timeoutMs: 50 }), { code: 'HANDSHAKE_TIMEOUT' });
    const stop = new AbortController();
    const aborted = silent.dial({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    await until('no connection is left', () => silent.sockets.size === 0);
    const url = new URL('http://127.0.0.1:1/');
    await assert.rejects(silent.dial({ url }), { code: 'SERVER_UNREACHABLE' });
  });

  test('a field cannot add others', async (t) => {
    const { dial } = await startScript(t, (key) => agreed(key));
    await assert.rejects(dial({ headers: { A: 'b\r\nC: d' } }), { code: 'USAGE' });
  });
});
