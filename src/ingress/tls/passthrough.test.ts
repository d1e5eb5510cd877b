import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { makeCertificate, type Certificate } from '../../../test/support/files.ts';
import { noiseBytes } from '../../../test/support/noise.ts';
import {
  connectClient,
  openDoor,
  serveSockets,
  type Client,
  type ServiceDoor,
} from '../../../test/support/service-door.ts';
import { until, within } from '../../../test/support/wait.ts';
import { CLIENT_HELLO_TIMEOUT_MS } from '../../limits.ts';
import { encodeProxyHeader } from '../../net/proxy-protocol.ts';
import {
  createTlsPassthrough,
  type TlsPassthrough,
  type TlsPassthroughOptions,
} from './passthrough.ts';

const name = 'secret.example.test';
const certificate: Certificate = await makeCertificate(name, '*.wild.test');

interface Bench {
  readonly door: ServiceDoor;
  readonly passthrough: TlsPassthrough;
  readonly port: number;
  /** A connection without TLS. */
  connect(): Client;
}

/** `secret` is a TLS server that echoes, behind the passthrough port. */
async function serve(t: TestContext, options: Partial<TlsPassthroughOptions> = {}): Promise<Bench> {
  const secret = await serveSockets(t, (socket) => {
    const secured = new tls.TLSSocket(socket, { isServer: true, ...certificate });
    secured.on('error', () => {});
    secured.pipe(secured);
  });
  const door = openDoor(t, { secret });
  const passthrough = await createTlsPassthrough({
    ...door,
    listen: { host: '127.0.0.1', port: 0 },
    ...options,
  });
  t.after(() => passthrough.close());
  passthrough.add(name, 'secret');
  const { port } = passthrough.address;
  return { door, passthrough, port, connect: () => connectClient(t, { port }) };
}

function connectTls(t: TestContext, port: number, options: tls.ConnectionOptions): tls.TLSSocket {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: certificate.cert, ...options });
  t.after(() => socket.destroy());
  return socket;
}

async function failureOf(socket: tls.TLSSocket): Promise<NodeJS.ErrnoException> {
  const [error] = (await within(5_000, once(socket, 'error'))) as [NodeJS.ErrnoException];
  return error;
}

/** The first bytes of a TLS client that names `secret`. */
async function helloBytes(t: TestContext): Promise<Buffer> {
  const heard = Promise.withResolvers<Buffer>();
  const port = await serveSockets(t, (socket) => socket.once('data', heard.resolve));
  connectTls(t, port, { servername: name }).on('error', () => {});
  return within(5_000, heard.promise);
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`the service ends the ${version}, and the server sees none of the plaintext`, async (t) => {
    const { door, port } = await serve(t);
    const socket = connectTls(t, port, {
      servername: name,
      minVersion: version,
      maxVersion: version,
    });
    await within(5_000, once(socket, 'secureConnect'));
    assert.equal(socket.getPeerX509Certificate()?.subject, `CN=${name}`);
    const sent = noiseBytes(500_000);
    socket.end(sent);
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece as Buffer);
    assert.ok(sent.equals(Buffer.concat(pieces)));
    const line = await door.line(0);
    assert.deepEqual([line.service, line.outcome], ['secret', 'ok']);
    assert.ok(
      line.bytesUp > sent.length && line.bytesDown > sent.length,
      'with what TLS adds to it',
    );
  });
}

test('names below a wildcard, in any case', async (t) => {
  const { door, passthrough, port } = await serve(t);
  passthrough.add('*.wild.test', 'secret');
  const socket = connectTls(t, port, {
    servername: 'A.Wild.TEST',
    checkServerIdentity: () => undefined,
  });
  await within(5_000, once(socket, 'secureConnect'));
  assert.equal(door.requests[0].service, 'secret');
});

test('an unknown name, or none, is told so by the alert of TLS', async (t) => {
  const { door, passthrough, port } = await serve(t);
  for (const servername of ['other.example.test', '']) {
    const error = await failureOf(connectTls(t, port, { servername }));
    assert.match(String(error), /alert number 112/);
  }
  passthrough.remove(name, 'secret');
  assert.match(
    String(await failureOf(connectTls(t, port, { servername: name }))),
    /alert number 112/,
  );
  await door.line(2);
  const [{ ms, ...line }] = door.lines;
  const { consumer } = line;
  assert.ok(ms >= 0);
  assert.deepEqual(line, {
    id: 'id-0',
    service: '-',
    consumer,
    bytesUp: 0,
    bytesDown: 0,
    outcome: 'ROUTE_UNKNOWN',
  });
  assert.match(consumer, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual([door.lines.length, door.requests], [3, []]);
});

test('a refused stream breaks the connection off', async (t) => {
  const { door, passthrough, port } = await serve(t);
  passthrough.add('absent.test', 'absent');
  assert.equal(
    (await failureOf(connectTls(t, port, { servername: 'absent.test' }))).code,
    'ECONNRESET',
  );
  assert.deepEqual([door.lines[0].service, door.lines[0].outcome], ['absent', 'SERVICE_ABSENT']);
});

test('attack: a ClientHello that comes byte by byte is followed, and replayed as it came', async (t) => {
  const heard: Buffer[] = [];
  const plain = await serveSockets(t, (socket) =>
    socket.on('data', (piece: Buffer) => heard.push(piece)),
  );
  const hello = await helloBytes(t);
  const { passthrough, connect, door } = await serve(t, openDoor(t, { plain }));
  passthrough.remove(name, 'secret');
  passthrough.add(name, 'plain');
  const { socket } = connect();
  socket.setNoDelay(true);
  for (const byte of hello) await new Promise((sent) => socket.write(Buffer.of(byte), sent));
  socket.write('and on');
  const whole = Buffer.concat([hello, Buffer.from('and on')]);
  await until('all of it is here', () => Buffer.concat(heard).length >= whole.length);
  assert.ok(whole.equals(Buffer.concat(heard)));
  assert.deepEqual(door.lines, []);
});

test('attack: what is not TLS is broken off', async (t) => {
  const { door, connect } = await serve(t);
  const { socket, ended, received } = connect();
  socket.write('GET / HTTP/1.1\r\nHost: secret.example.test\r\n\r\n');
  await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
  assert.equal(received().length, 0);
  assert.deepEqual([door.lines[0].outcome, door.requests], ['REQUEST_INVALID', []]);
});

test('attack: a client that never says hello is cut off', async (t) => {
  const hello = await helloBytes(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { door, port, connect } = await serve(t);
  const slow = connect();
  await once(slow.socket, 'connect');
  slow.socket.write(hello.subarray(0, 100));
  // Accepted after the slow one, and served: so the slow one has been accepted too.
  await once(connectTls(t, port, { servername: name }), 'secureConnect');
  t.mock.timers.tick(CLIENT_HELLO_TIMEOUT_MS - 1);
  assert.deepEqual(door.lines, []);
  t.mock.timers.tick(1);
  await assert.rejects(slow.ended, { code: 'ECONNRESET' });
  assert.deepEqual(
    door.lines.map(({ outcome }) => outcome),
    ['REQUEST_TIMEOUT'],
  );
});

test('behind a trusted proxy the PROXY header comes first', async (t) => {
  const { door, port, connect } = await serve(t, { proxyProtocolFrom: () => true });
  const { socket } = connect();
  await once(socket, 'connect');
  socket.write(encodeProxyHeader('v2', '203.0.113.9:9', '198.51.100.1:443'));
  const secured = connectTls(t, port, { socket, servername: name });
  await within(5_000, once(secured, 'secureConnect'));
  assert.equal(door.requests[0].consumer, '203.0.113.9:9');
  connect().socket.end(await helloBytes(t));
  assert.equal((await door.line(0)).outcome, 'REQUEST_INVALID', 'a ClientHello is no PROXY header');
});

test('closing ends the waiting and leaves what runs', async (t) => {
  const { door, passthrough, port, connect } = await serve(t);
  const waiting = connect();
  await once(waiting.socket, 'connect');
  const running = connectTls(t, port, { servername: name });
  await within(5_000, once(running, 'secureConnect'));
  passthrough.close();
  await assert.rejects(within(5_000, waiting.ended), { code: 'ECONNRESET' });
  assert.equal((await door.line(0)).outcome, 'SERVER_DRAINING');
  running.end('still here');
  let said = '';
  for await (const piece of running) said += String(piece);
  assert.equal(said, 'still here');
  await assert.rejects(within(5_000, connect().ended), { code: 'ECONNREFUSED' });
});
