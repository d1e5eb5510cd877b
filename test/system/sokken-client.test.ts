/** Our sokken client with our server, and how it gets there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { CLIENT_FIELD } from '../../src/compat/sokken/protocol.ts';
import type { TunnelRequest } from '../../src/compat/sokken/tunnel.ts';
import type { SokkenEvents } from '../../src/compat/sokken/tunnels.ts';
import { makeCertificate, temporaryFile } from '../support/files.ts';
import { noiseBytes } from '../support/noise.ts';
import { httpProxyTo, playProxy } from '../support/proxies.ts';
import { startSokkenClient, startSokkenServer } from '../support/sokken.ts';
import {
  converse,
  freePort,
  startEcho,
  startGreeter,
  startTcpTarget,
} from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;

function connect(t: TestContext, port: number): net.Socket {
  const socket = net.connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  return socket.on('error', () => {});
}

function gone(socket: net.Socket): Promise<unknown> {
  return new Promise((resolve) => socket.resume().once('end', resolve).once('close', resolve));
}

/** Reads, and answers nothing. */
function startSilent(t: TestContext) {
  return startTcpTarget(t, (socket) => void socket.resume().on('end', () => socket.end()));
}

describe('a tunnel', () => {
  test('half-closes pass through it, both ways', async (t) => {
    const echo = await startEcho(t);
    const { url, lines } = await startSokkenServer(t, [echo.address]);
    const { port, told, client } = await startSokkenClient(t, [url(echo.address)]);
    assert.ok((await converse(port, noiseBytes(4 * MB))).equals(noiseBytes(4 * MB)));
    await until('it is over', () => lines.length === 1 && client.active === 0);
    assert.deepEqual([lines[0].bytesUp, lines[0].bytesDown], [4 * MB, 4 * MB]);
    assert.equal(lines[0].outcome, 'ok');
    assert.deepEqual(
      told.map(({ what, error }) => [what, error]),
      [
        ['requested', undefined],
        ['joined', undefined],
        ['over', null],
      ],
    );
  });

  test('a target that ends first is still listened to', async (t) => {
    const target = await startTcpTarget(t, (socket) => {
      socket.end('first');
      socket.once('data', () => undefined);
    });
    const { url } = await startSokkenServer(t, [target.address]);
    const { port } = await startSokkenClient(t, [url(target.address)]);
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    await once(socket.resume(), 'end');
    const [far] = target.open;
    const heard = once(far, 'data') as Promise<[Buffer]>;
    socket.write('later');
    assert.equal(String((await within(10_000, heard))[0]), 'later');
  });

  test('a slow reader holds its target up, and nobody else', async (t) => {
    let sent = 0;
    const flood = await startTcpTarget(t, (socket) => {
      const more = (): void => {
        for (let n = 0; n < 64 && !socket.destroyed; n++) {
          sent += 65_536;
          if (!socket.write(noiseBytes(65_536))) return void socket.once('drain', more);
        }
        setImmediate(more);
      };
      more();
    });
    const echo = await startEcho(t);
    const { url } = await startSokkenServer(t, [flood.address, echo.address]);
    const { client } = await startSokkenClient(t, [url(flood.address), url(echo.address)]);
    const stalled = connect(t, client.addresses[0].port).pause();
    let before = -1;
    await until('the flood stands still', async () => {
      const last = before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return sent > 0 && sent === last;
    });
    assert.ok(sent < 64 * MB, `${sent} bytes were taken`);
    assert.equal(String(await converse(client.addresses[1].port, 'hello')), 'hello');
    stalled.destroy();
  });

  test('the name of the client and what proxies say of it reach the log of the server', async (t) => {
    const echo = await startEcho(t);
    const joined: TunnelRequest[] = [];
    const none = (): void => {};
    const events: SokkenEvents = {
      rejected: none,
      dialing: none,
      joined: (request) => void joined.push(request),
      failed: none,
      over: none,
    };
    const { url } = await startSokkenServer(t, [echo.address], { events });
    const headers = { [CLIENT_FIELD]: 'laptop', 'X-Forwarded-For': '192.0.2.7' };
    const { port } = await startSokkenClient(t, [url(echo.address)], {}, { headers });
    await converse(port, 'x');
    assert.deepEqual([joined[0].clientName, joined[0].forwardedFor], ['laptop', '192.0.2.7']);
  });
});

describe('what cannot be had', () => {
  test('an address that is not allowed, a target and a server that are not there', async (t) => {
    const dead = `127.0.0.1:${await freePort()}`;
    const { url } = await startSokkenServer(t, [dead]);
    const urls = [url('127.0.0.1:9'), url(dead), `ws://${dead}/tunnel/x:1`];
    const { client, told } = await startSokkenClient(t, urls);
    for (const { port } of client.addresses) await gone(connect(t, port));
    await until('all is told', () => told.filter(({ error }) => error !== undefined).length === 3);
    assert.deepEqual(
      told.flatMap(({ error }) => (error ? [error.code] : [])),
      ['TARGET_DENIED', 'TARGET_REFUSED', 'SERVER_UNREACHABLE'],
    );
  });

  test('the listener goes on after the limit', async (t) => {
    const echo = await startEcho(t);
    const { url } = await startSokkenServer(t, [echo.address]);
    const options = { maxConnections: 1 };
    const { port, client, told } = await startSokkenClient(t, [url(echo.address)], options);
    const first = connect(t, port);
    first.write('x');
    await once(first, 'data');
    for (let n = 0; n < 3; n++) await gone(connect(t, port));
    assert.equal(told.filter(({ what }) => what === 'rejected').length, 3);
    first.end();
    await until('there is room', () => client.active === 0);
    assert.equal(String(await converse(port, 'again')), 'again');
  });

  test('a local connection that leaves while its server is dialled is forgotten', async (t) => {
    const silent = await startSilent(t);
    const urls = [`ws://${silent.address}/tunnel/x:1`];
    const { port, client } = await startSokkenClient(t, urls);
    const socket = connect(t, port);
    await until('it is dialled', () => silent.open.size === 1);
    socket.resetAndDestroy();
    await until('it is forgotten', () => client.active === 0 && silent.open.size === 0);
  });

  test('its close ends connections that stand, and those that are being made', async (t) => {
    const [echo, silent] = [await startEcho(t), await startSilent(t)];
    const { url, lines } = await startSokkenServer(t, [echo.address]);
    const urls = [url(echo.address), `ws://${silent.address}/tunnel/x:1`];
    const { client } = await startSokkenClient(t, urls);
    const sockets = client.addresses.map(({ port }) => connect(t, port));
    await until('both are there', () => echo.open.size === 1 && silent.open.size === 1);
    client.close();
    await Promise.all(sockets.map(gone));
    await until('all is over', () => client.active === 0 && lines.length === 1);
    assert.equal(lines[0].outcome, 'SERVER_DRAINING');
    await until('the targets are left', () => echo.open.size + silent.open.size === 0);
  });
});

describe('the way', () => {
  test('wss, with an authority of its own', async (t) => {
    const echo = await startEcho(t);
    const { cert, key } = await makeCertificate('127.0.0.1');
    const files = {
      cert: temporaryFile(t, 'cert.pem', cert),
      key: temporaryFile(t, 'key.pem', key),
    };
    const { url } = await startSokkenServer(t, [echo.address], {}, { tls: files });
    const secure = url(echo.address).replace('ws:', 'wss:');
    const trusting = await startSokkenClient(t, [secure], {}, { wayOut: { tls: { ca: cert } } });
    assert.equal(String(await converse(trusting.port, 'hello')), 'hello');
    const others = await startSokkenClient(t, [secure]);
    await gone(connect(t, others.port));
    await until('it is told', () => others.told.length === 2);
    assert.equal(others.told[1].error?.code, 'SERVER_TLS');
  });

  test('an HTTP proxy', async (t) => {
    const echo = await startEcho(t);
    const { url, port: server } = await startSokkenServer(t, [echo.address]);
    const proxy = await playProxy(t, { answer: httpProxyTo(server) });
    const env = { http_proxy: `http://127.0.0.1:${proxy.port}` };
    const there = url(echo.address).replace('127.0.0.1', 'far.example');
    const { port } = await startSokkenClient(t, [there], {}, { wayOut: { env } });
    assert.equal(String(await converse(port, 'hello')), 'hello');
    assert.match(String(proxy.heard[0]), /^CONNECT far\.example:\d+ HTTP\/1\.1\r\n/);
  });

  test('a target by IPv6, and by a name', async (t) => {
    const server = net
      .createServer((socket) => void socket.on('error', () => {}).end('six'))
      .listen(0, '::1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port: six } = server.address() as net.AddressInfo;
    const greeter = await startGreeter(t, 'named');
    const allow = [`[::1]:${six}`, `localhost:${greeter.port}`];
    const { url } = await startSokkenServer(t, allow);
    const { client } = await startSokkenClient(t, allow.map(url));
    const heard = client.addresses.map(async ({ port }) => {
      const [piece] = (await once(connect(t, port), 'data')) as [Buffer];
      return String(piece);
    });
    assert.deepEqual(await Promise.all(heard), ['six', 'named']);
  });
});
