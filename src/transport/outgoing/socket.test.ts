import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { describe, test, type TestContext } from 'node:test';
import { makeCertificate } from '../../../test/support/files.ts';
import {
  httpProxyTo,
  playProxy,
  socksProxyTo,
  type ProxyWish,
} from '../../../test/support/proxies.ts';
import { within } from '../../../test/support/wait.ts';
import type { SallyportError } from '../../errors.ts';
import { PROXY_ANSWER_MAX_BYTES } from '../../limits.ts';
import { SlabPool, type Slab } from '../../net/slab.ts';
import { Wire } from '../../net/wire.ts';
import { parseProxy } from './proxy.ts';
import { openOutgoing, type OutgoingOptions } from './socket.ts';

const server = await makeCertificate('tunnel.example');
const between = await makeCertificate('localhost');
const slabs = new SlabPool(32 * 1024);

/** An echo, plain or with TLS. */
async function startServer(t: TestContext, secure: boolean): Promise<number> {
  const sockets = new Set<net.Socket>();
  const serve = (socket: net.Socket): void => {
    sockets.add(socket.on('error', () => {}));
    socket.pipe(socket);
  };
  const listener = secure ? tls.createServer(server, serve) : net.createServer(serve);
  listener.on('tlsClientError', () => {});
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return (listener.address() as net.AddressInfo).port;
}

/** Dials as told, everything else being in order. */
async function open(t: TestContext, options: Partial<OutgoingOptions>): Promise<net.Socket> {
  const socket = await within(
    5_000,
    openOutgoing({
      host: '127.0.0.1',
      port: 1,
      secure: false,
      proxy: null,
      tls: { ca: `${server.cert}\n${between.cert}`, serverName: 'tunnel.example' },
      signal: new AbortController().signal,
      ...options,
    }),
  );
  t.after(() => socket.destroy());
  return socket;
}

/** Sends so much, and reads it back over a wire. */
async function echoes(socket: net.Socket, size: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const pieces: Buffer[] = [];
  let got = 0;
  const wire = Wire.accept(socket, slabs, {
    read(slab: Slab, start: number, end: number) {
      pieces.push(Buffer.from(slab.bytes.subarray(start, end)));
      got += end - start;
      if (got >= size) resolve();
      return true;
    },
    ended: () => reject(new Error('ended')),
    closed: (error) => reject(error ?? new Error('closed')),
  });
  const bytes = Buffer.from(Array.from({ length: size }, (_, i) => i % 251));
  wire.write(bytes);
  await within(5_000, promise);
  assert.ok(Buffer.concat(pieces).equals(bytes));
  wire.destroy();
}

const login = { user: 'ann', password: 'p@ss word' };
const proxies: Record<string, (port: number) => ProxyWish & { scheme: string }> = {
  http: (port) => ({
    scheme: 'http',
    answer: httpProxyTo(port, `${login.user}:${login.password}`),
  }),
  https: (port) => ({ scheme: 'https', answer: httpProxyTo(port), tls: between }),
  socks5: (port) => ({ scheme: 'socks5', answer: socksProxyTo(port, login) }),
};

describe('the way to the server', () => {
  for (const secure of [false, true]) {
    const kind = secure ? 'TLS' : 'plain';
    test(`${kind}, directly`, async (t) => {
      const port = await startServer(t, secure);
      await echoes(await open(t, { port, secure }), 300_000);
    });
    for (const [name, wish] of Object.entries(proxies)) {
      test(`${kind}, through a proxy by ${name}`, async (t) => {
        const port = await startServer(t, secure);
        const { scheme, ...played } = wish(port);
        const proxy = await playProxy(t, played);
        const written = `${scheme}://ann:p%40ss%20word@localhost:${proxy.port}`;
        const socket = await open(t, {
          host: 'tunnel.example',
          port: 443,
          secure,
          proxy: parseProxy(written),
        });
        await echoes(socket, 300_000);
        const asked = proxy.heard[0].toString('latin1');
        if (name !== 'socks5')
          assert.match(
            asked,
            /^CONNECT tunnel\.example:443 HTTP\/1\.1\r\nHost: tunnel\.example:443\r\n/,
          );
        else assert.ok(asked.includes('\x03\x0etunnel.example\x01\xbb'), 'the name goes as a name');
      });
    }
  }

  test('SOCKS 5: addresses go as addresses', async (t) => {
    const port = await startServer(t, false);
    const asked = async (host: string): Promise<string> => {
      const proxy = await playProxy(t, { answer: socksProxyTo(port) });
      await open(t, { host, port: 258, proxy: parseProxy(`socks5://127.0.0.1:${proxy.port}`) });
      return proxy.heard[0].subarray(3).toString('hex');
    };
    assert.equal(await asked('192.0.2.1'), '05010001c00002010102');
    assert.equal(await asked('2001:db8::1:0:2'), '0501000420010db80000000000000001000000020102');
  });

  test('from local ports: those in use are passed over', async (t) => {
    const port = await startServer(t, false);
    const other = await startServer(t, false);
    const taken = net.connect({ port: other, host: '127.0.0.1' });
    await once(taken, 'connect');
    t.after(() => taken.destroy());
    // A port of ours that is connected to the same address cannot be had twice.
    const used = await open(t, { port });
    const low = used.localPort!;
    const socket = await open(t, { port, localPorts: [{ low, high: Math.min(low + 20, 65_535) }] });
    assert.ok(socket.localPort! > low && socket.localPort! <= low + 20);
    await assert.rejects(open(t, { port, localPorts: [{ low, high: low }] }), {
      code: 'LISTEN_FAILED',
    });
  });
});

describe('what goes wrong has a name', () => {
  const through = async (t: TestContext, wish: ProxyWish, scheme = 'http'): Promise<unknown> => {
    const { port } = await playProxy(t, wish);
    return open(t, {
      host: 'tunnel.example',
      port: 443,
      proxy: parseProxy(`${scheme}://ann:hunter2@127.0.0.1:${port}`),
    });
  };
  const named = async (attempt: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
    await assert.rejects(attempt, (thrown: SallyportError) => {
      assert.equal(thrown.code, code);
      assert.match(thrown.message, message);
      assert.doesNotMatch(`${thrown.message} ${String(thrown.cause)}`, /hunter2/);
      return true;
    });
  };
  const whole = (heard: Buffer): boolean => heard.includes('\r\n\r\n');
  const answering = (bytes: string): ProxyWish => ({
    answer: (heard) => (whole(heard) ? { bytes, end: true } : null),
  });

  test('nobody listens: the server, or the proxy', async (t) => {
    const gone = await startServer(t, false);
    const port = await new Promise<number>((resolve) => {
      const free = net.createServer().listen(0, '127.0.0.1', () => {
        const address = free.address() as net.AddressInfo;
        free.close(() => resolve(address.port));
      });
    });
    assert.ok(gone > 0);
    await named(open(t, { port }), 'SERVER_UNREACHABLE', /ECONNREFUSED/);
    const proxy = parseProxy(`http://ann:hunter2@127.0.0.1:${port}`);
    await named(open(t, { proxy }), 'PROXY_UNREACHABLE', /^proxy 127\.0\.0\.1:\d+: ECONNREFUSED/);
  });

  test('407: a login is asked for, or is wrong', async (t) => {
    const { port } = await playProxy(t, { answer: httpProxyTo(1, 'bob:secret') });
    const plain = open(t, { proxy: parseProxy(`http://127.0.0.1:${port}`) });
    await named(plain, 'PROXY_AUTH', /asks for a login/);
    await named(through(t, { answer: httpProxyTo(1, 'bob:x') }), 'PROXY_AUTH', /login is wrong/);
    const socks = { user: 'bob', password: 'secret' };
    await named(
      through(t, { answer: socksProxyTo(1, socks) }, 'socks5'),
      'PROXY_AUTH',
      /login is wrong/,
    );
    const second = await playProxy(t, { answer: socksProxyTo(1, socks) });
    const bare = open(t, { proxy: parseProxy(`socks5://127.0.0.1:${second.port}`) });
    await named(bare, 'PROXY_AUTH', /asks for a login/);
  });

  test('refused: its status, or the reply of SOCKS', async (t) => {
    const forbidden = answering('HTTP/1.1 403 For\x1bbidden\r\n\r\n');
    await named(through(t, forbidden), 'PROXY_INVALID', /not answer in HTTP/);
    await named(through(t, answering('HTTP/1.1 403 No\r\n\r\n')), 'PROXY_REFUSED', /403 "No"/);
    const socks: ProxyWish = {
      answer: (heard) =>
        heard.length <= 4
          ? { bytes: Buffer.from([5, 0]) }
          : { bytes: Buffer.from([5, 2, 0, 1, 0]), end: true },
    };
    await named(through(t, socks, 'socks5'), 'PROXY_REFUSED', /rules do not allow/);
  });

  test('what is no proxy: another protocol, an endless head, a close', async (t) => {
    await named(through(t, answering('SSH-2.0-x\r\n\r\n')), 'PROXY_INVALID', /HTTP\/1\.1/);
    const endless = `HTTP/1.1 200 OK\r\n${'x'.repeat(PROXY_ANSWER_MAX_BYTES)}`;
    await named(through(t, answering(endless)), 'PROXY_INVALID', /longer than/);
    await named(through(t, answering('')), 'PROXY_INVALID', /closed the connection/);
    const mute: ProxyWish = { answer: () => ({ bytes: 'HTTP/1.1 400 Bad\r\n\r\n', end: true }) };
    await named(through(t, mute, 'socks5'), 'PROXY_INVALID', /SOCKS 5/);
  });

  test('certificates: of the server, of the proxy', async (t) => {
    const port = await startServer(t, true);
    const strict = { port, secure: true };
    await named(open(t, { ...strict, tls: {} }), 'SERVER_TLS', /self-signed|SELF_SIGNED/);
    await named(
      open(t, { ...strict, tls: { ca: server.cert, serverName: 'other.example' } }),
      'SERVER_TLS',
      /other\.example/,
    );
    const proxy = await playProxy(t, { answer: httpProxyTo(port), tls: between });
    const untrusted = { tls: {}, proxy: parseProxy(`https://localhost:${proxy.port}`) };
    await named(open(t, untrusted), 'PROXY_TLS', /self-signed|SELF_SIGNED/);
    const plain = await startServer(t, false);
    await named(open(t, { port: plain, secure: true }), 'SERVER_TLS', /./);
  });

  test('given up: at any moment, with the reason of the signal, and nothing stays open', async (t) => {
    const silent = net.createServer((socket) => socket.on('error', () => {}));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as net.AddressInfo;
    const reason = new Error('enough');
    const ways = [
      { port, secure: true },
      { port: 1, proxy: parseProxy(`http://127.0.0.1:${port}`) },
      { port: 1, proxy: parseProxy(`https://127.0.0.1:${port}`) },
      { port: 1, proxy: parseProxy(`socks5://127.0.0.1:${port}`) },
    ];
    for (const way of ways) {
      const giving = new AbortController();
      const attempt = open(t, { ...way, signal: giving.signal });
      const [socket] = (await once(silent, 'connection')) as [net.Socket];
      giving.abort(reason);
      await assert.rejects(attempt, reason);
      if (!socket.destroyed) await within(5_000, once(socket.resume(), 'close'));
    }
    await assert.rejects(open(t, { port, signal: AbortSignal.abort(reason) }), reason);
    silent.close();
  });
});
