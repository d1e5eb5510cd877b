import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { within } from '../../test/support/wait.ts';
import { PROXY_HEADER_MAX_BYTES, PROXY_HEADER_TIMEOUT_MS } from '../limits.ts';
import { acceptOptions } from './listen.ts';
import { encodeProxyHeader } from './proxy-protocol.ts';
import type { ProxyHeader } from './proxy-protocol-decode.ts';
import { readProxyHeader } from './socket-preface.ts';

const source = '192.0.2.7:4711';
const headers = {
  v1: encodeProxyHeader('v1', source, '198.51.100.1:443'),
  v2: encodeProxyHeader('v2', source, '198.51.100.1:443'),
};

/** Two ends of a connection: one that was accepted as ours are, and one that plays the proxy. */
async function connect(t: TestContext): Promise<{ accepted: net.Socket; proxy: net.Socket }> {
  const server = net.createServer(acceptOptions).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const proxy = net.connect({ port, host: '127.0.0.1', noDelay: true });
  proxy.on('error', () => {});
  const [accepted] = (await once(server, 'connection')) as [net.Socket];
  t.after(() => {
    proxy.destroy();
    accepted.destroy();
    server.close();
  });
  return { accepted, proxy };
}

const read = (socket: net.Socket): Promise<ProxyHeader> => within(5_000, readProxyHeader(socket));

/** What comes on the socket from now on, until its end. */
async function rest(socket: net.Socket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

for (const [version, header] of Object.entries(headers)) {
  describe(version, () => {
    test('what stands behind the header in the same piece is put back', async (t) => {
      const { accepted, proxy } = await connect(t);
      proxy.end(Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\n')]));
      const { endpoints } = await read(accepted);
      assert.equal(endpoints?.source, source);
      assert.ok(!accepted.readableFlowing, 'it waits for its next reader');
      assert.equal(await rest(accepted), 'GET / HTTP/1.1\r\n');
    });

    test('it may come byte by byte, and nothing may follow it for a while', async (t) => {
      const { accepted, proxy } = await connect(t);
      const reading = read(accepted);
      for (const byte of header) {
        const arrived = once(accepted, 'data');
        proxy.write(Buffer.of(byte));
        await arrived;
      }
      assert.equal((await reading).endpoints?.source, source);
      proxy.end('later');
      assert.equal(await rest(accepted), 'later');
    });

    test('wherever it is cut, the bytes behind it are whole', async (t) => {
      for (let at = 1; at < header.length; at += 5) {
        const { accepted, proxy } = await connect(t);
        const reading = read(accepted);
        const arrived = once(accepted, 'data');
        proxy.write(header.subarray(0, at));
        await arrived;
        proxy.end(Buffer.concat([header.subarray(at), Buffer.from('body')]));
        await reading;
        assert.equal(await rest(accepted), 'body', `cut at ${at}`);
      }
    });
  });
}

describe('refused', () => {
  const tooLong = Buffer.concat([headers.v2, Buffer.alloc(PROXY_HEADER_MAX_BYTES)]);
  tooLong.writeUInt16BE(PROXY_HEADER_MAX_BYTES, 14);
  const wrong: [string, string | Buffer, RegExp][] = [
    ['no header', 'GET / HTTP/1.1\r\n\r\n', /does not begin with one/],
    ['a TLS handshake in its place', Buffer.from('1603010200', 'hex'), /does not begin with one/],
    ['a forged word', 'PROXY TCP4 evil\r\n', /PROXY header/],
    ['one that is too long', tooLong, /552 bytes exceed/],
  ];
  for (const [name, bytes, message] of wrong) {
    test(name, async (t) => {
      const { accepted, proxy } = await connect(t);
      proxy.write(bytes);
      await assert.rejects(read(accepted), { code: 'REQUEST_INVALID', message });
      assert.ok(!accepted.destroyed, 'closing is for the caller');
      assert.equal(accepted.listenerCount('data'), 0);
    });
  }

  for (const [name, leave] of [
    ['ends', (proxy: net.Socket) => void proxy.end()],
    ['breaks', (proxy: net.Socket) => void proxy.resetAndDestroy()],
  ] as const) {
    test(`the connection ${name} within it`, async (t) => {
      const { accepted, proxy } = await connect(t);
      const reading = read(accepted);
      const arrived = once(accepted, 'data');
      proxy.write('PROXY TC');
      await arrived;
      leave(proxy);
      await assert.rejects(reading, { code: 'REQUEST_INVALID', message: /ended within it/ });
    });
  }

  test('drip: it is not waited for without end', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { accepted, proxy } = await connect(t);
    const reading = read(accepted);
    const arrived = once(accepted, 'data');
    proxy.write('PROXY ');
    await arrived;
    t.mock.timers.tick(PROXY_HEADER_TIMEOUT_MS);
    await assert.rejects(reading, { code: 'REQUEST_TIMEOUT' });
  });
});

test('once it was read, nothing of it is left on the socket', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { accepted, proxy } = await connect(t);
  const before = accepted.eventNames().map((name) => accepted.listenerCount(name));
  proxy.write(headers.v1);
  await read(accepted);
  assert.deepEqual(
    accepted.eventNames().map((name) => accepted.listenerCount(name)),
    before,
  );
  t.mock.timers.tick(PROXY_HEADER_TIMEOUT_MS);
  proxy.end('still here');
  assert.equal(await rest(accepted), 'still here');
});
