import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { makeCertificate } from '../../test/support/files.ts';
import { converse } from '../../test/support/tcp-targets.ts';
import { until, within } from '../../test/support/wait.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import type { HostPort } from '../net/address.ts';
import { encodeProxyHeader } from '../net/proxy-protocol.ts';
import type { Certificate } from './certificate.ts';
import { openListener, type ListenerOptions } from './listener.ts';

const [one, two] = await Promise.all([
  makeCertificate('localhost'),
  makeCertificate('two', 'localhost'),
]);
const authorities = [one.cert, two.cert];

interface Arrival {
  socket: net.Socket;
  secure: boolean;
  peer: HostPort | null;
}

/** Every connection says whom it is for, and then what it hears. */
async function open(t: TestContext, options: Partial<ListenerOptions> = {}) {
  const arrivals: Arrival[] = [];
  const failures: string[] = [];
  const listener = await openListener({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: null,
    proxyProtocolFrom: null,
    connection(socket, secure, peer) {
      arrivals.push({ socket, secure, peer });
      socket.on('error', () => {});
      socket.write(`${peer === null ? 'itself' : `${peer.host} ${peer.port}`}: `);
      socket.pipe(socket);
    },
    failed: (error) => void failures.push((error as { code?: string }).code ?? error.message),
    ...options,
  });
  t.after(() => {
    listener.close();
    for (const { socket } of arrivals) socket.destroy();
  });
  const { port } = listener.address;
  const speak = async (words: string | Buffer): Promise<string> =>
    (await within(5_000, converse(port, words))).toString();
  return { listener, port, arrivals, failures, speak };
}

const fromLoopback = (ip: string): boolean => ip === '127.0.0.1';
const header = (version: 'v1' | 'v2', port = 4711): Buffer =>
  encodeProxyHeader(version, `192.0.2.7:${port}`, '198.51.100.1:443');

/** A TLS connection, after `before` was sent in plain text on the way. */
async function secured(
  t: TestContext,
  port: number,
  before: Buffer | null,
): Promise<tls.TLSSocket> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  if (before !== null) socket.write(before);
  const secure = tls.connect({
    socket,
    servername: 'localhost',
    ca: authorities,
    ALPNProtocols: ['http/1.1'],
  });
  secure.on('error', () => {});
  await within(5_000, once(secure, 'secureConnect'));
  return secure;
}

/** Lets the time for handshakes be over soon. */
function hurryHandshakes(t: TestContext): void {
  const { setTimeout } = net.Socket.prototype;
  t.mock.method(net.Socket.prototype, 'setTimeout', function (this: net.Socket, ms, then) {
    return setTimeout.call(this, ms === HANDSHAKE_TIMEOUT_MS ? 50 : ms, then);
  } as typeof setTimeout);
}

/** Ends our side and gives all that came. */
async function hear(socket: net.Socket, words: string): Promise<string> {
  socket.end(words);
  let heard = '';
  for await (const piece of socket) heard += String(piece);
  return heard;
}

test('plain: a connection arrives unread, and both its halves work', async (t) => {
  const { arrivals, speak } = await open(t);
  assert.equal(await speak('hello'), 'itself: hello');
  assert.deepEqual([arrivals[0].secure, arrivals[0].peer], [false, null]);
});

test('a connection is not read from before its owner does', async (t) => {
  const sockets: net.Socket[] = [];
  const { port } = await open(t, { connection: (socket) => void sockets.push(socket) });
  const answer = converse(port, 'hello');
  await until('it arrives', () => sockets.length === 1);
  assert.deepEqual([sockets[0].isPaused(), sockets[0].bytesRead], [true, 0]);
  sockets[0].pipe(sockets[0]);
  assert.equal((await within(5_000, answer)).toString(), 'hello');
});

describe('TLS', () => {
  test('the connection arrives when its handshake is done', async (t) => {
    const { port, arrivals } = await open(t, { certificate: one });
    const socket = await secured(t, port, null);
    assert.equal(socket.alpnProtocol, 'http/1.1');
    assert.equal(await hear(socket, 'hello'), 'itself: hello');
    assert.deepEqual([arrivals[0].secure, arrivals[0].peer], [true, null]);
  });

  test('another certificate serves what comes after it; what stands goes on', async (t) => {
    const { listener, port } = await open(t, { certificate: one });
    const before = await secured(t, port, null);
    listener.useCertificate(two);
    const after = await secured(t, port, null);
    const serials = [before, after].map((socket) => socket.getPeerX509Certificate()!.serialNumber);
    assert.notEqual(serials[0], serials[1]);
    assert.equal(await hear(before, 'still'), 'itself: still');
    assert.equal(await hear(after, 'here'), 'itself: here');
  });

  test('plain HTTP in place of a handshake costs that connection only', async (t) => {
    const { port, failures, arrivals, speak } = await open(t, { certificate: one });
    await speak('GET / HTTP/1.1\r\n\r\n').catch(() => {});
    await until('it is told', () => failures.length === 1);
    assert.equal(arrivals.length, 0);
    assert.equal(await hear(await secured(t, port, null), 'x'), 'itself: x');
  });

  for (const [name, bytes] of [
    ['that is never begun', ''],
    ['that stops in its first record', Buffer.from('16030100', 'hex')],
  ] as const) {
    for (const proxied of [false, true]) {
      const way = proxied ? 'behind a PROXY header' : 'by itself';
      test(`slow handshake: one ${name}, ${way}, is cut off in time`, async (t) => {
        hurryHandshakes(t);
        const options = { certificate: one, proxyProtocolFrom: proxied ? fromLoopback : null };
        const { port, failures, arrivals } = await open(t, options);
        const socket = net.connect({ port, host: '127.0.0.1' });
        socket.write(Buffer.concat([proxied ? header('v1') : Buffer.alloc(0), Buffer.from(bytes)]));
        socket.resume();
        await within(5_000, once(socket, 'close'));
        assert.deepEqual([failures, arrivals.length], [['ERR_TLS_HANDSHAKE_TIMEOUT'], 0]);
      });
    }
  }

  test('versions that are broken are not spoken', async (t) => {
    const { port, failures } = await open(t, { certificate: one });
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
    const ciphers = 'DEFAULT:@SECLEVEL=0';
    const old = tls.connect({ ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers });
    await assert.rejects(within(5_000, once(old, 'secureConnect')), /protocol version/i);
    await until('it is told', () => failures.length === 1);
  });
});

for (const version of ['v1', 'v2'] as const) {
  describe(`a PROXY header ${version} of a listed peer`, () => {
    const certificates: [string, Certificate | null][] = [
      ['plain', null],
      ['TLS', one],
    ];
    for (const [carrier, certificate] of certificates) {
      test(`${carrier}: names whom the connection is for`, async (t) => {
        const { port, arrivals, speak } = await open(t, {
          certificate,
          proxyProtocolFrom: fromLoopback,
        });
        const heard =
          certificate === null
            ? await speak(Buffer.concat([header(version), Buffer.from('hello')]))
            : await hear(await secured(t, port, header(version)), 'hello');
        assert.equal(heard, '192.0.2.7 4711: hello');
        assert.equal(arrivals[0].secure, certificate !== null);
      });

      test(`${carrier}: it may say that the proxy speaks for itself`, async (t) => {
        const { port, speak } = await open(t, { certificate, proxyProtocolFrom: fromLoopback });
        const local = encodeProxyHeader(version, 'unknown', null);
        const heard =
          certificate === null
            ? await speak(Buffer.concat([local, Buffer.from('hello')]))
            : await hear(await secured(t, port, local), 'hello');
        assert.equal(heard, 'itself: hello');
      });

      test(`${carrier}: without one the connection is cut off, and arrives nowhere`, async (t) => {
        const { arrivals, failures, port } = await open(t, {
          certificate,
          proxyProtocolFrom: fromLoopback,
        });
        const heard = await within(
          5_000,
          converse(port, 'GET / HTTP/1.1\r\n\r\n').catch(() => ''),
        );
        assert.equal(String(heard), '');
        assert.deepEqual([failures, arrivals.length], [['REQUEST_INVALID'], 0]);
      });
    }
  });
}

test('forgery: a header of a peer that is not listed is content like any other', async (t) => {
  const { speak } = await open(t, { proxyProtocolFrom: (ip) => ip === '192.0.2.1' });
  const forged = header('v1').toString();
  assert.equal(await speak(forged), `itself: ${forged}`);
});

test('forgery: behind TLS, such a header ends the handshake', async (t) => {
  const { port, failures } = await open(t, {
    certificate: one,
    proxyProtocolFrom: (ip) => ip === '192.0.2.1',
  });
  await converse(port, header('v1')).catch(() => {});
  await until('it is told', () => failures.length === 1);
});

test('many at once through one proxy: nobody is taken for another', async (t) => {
  const { port } = await open(t, { certificate: one, proxyProtocolFrom: fromLoopback });
  const ports = Array.from({ length: 12 }, (_, i) => 5_000 + i);
  const sockets = await Promise.all(ports.map((from) => secured(t, port, header('v2', from))));
  const heard = await Promise.all(sockets.map((socket) => hear(socket, 'x')));
  assert.deepEqual(
    heard,
    ports.map((from) => `192.0.2.7 ${from}: x`),
  );
});

test('a port in use is LISTEN_FAILED', async (t) => {
  const { port } = await open(t);
  await assert.rejects(open(t, { listen: { host: '127.0.0.1', port } }), {
    code: 'LISTEN_FAILED',
    message: new RegExp(`server 127\\.0\\.0\\.1:${port}: another program`),
  });
});

test('closed: nobody new comes in, and what stands goes on', async (t) => {
  const { listener, port, arrivals } = await open(t);
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await until('it arrives', () => arrivals.length === 1);
  listener.close();
  await assert.rejects(converse(port, 'late'), { code: 'ECONNREFUSED' });
  assert.equal(await hear(socket, 'still'), 'itself: still');
});
