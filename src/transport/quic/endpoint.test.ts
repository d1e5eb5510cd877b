import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { makeCertificate, type Certificate } from '../../../test/support/files.ts';
import { until, within } from '../../../test/support/wait.ts';
import { loadQuic } from './binding.ts';
import type { QuicConnection } from './connection.ts';
import { dialQuic, type QuicDialOptions } from './dial.ts';
import { openQuicEndpoint, type QuicEndpoint, type QuicEndpointOptions } from './endpoint.ts';
import { clientConfig } from './settings.ts';
import type { QuicEnd } from './user.ts';

const protocols = ['test'];
const listen = { host: '127.0.0.1', port: 0 };

interface Stage {
  readonly endpoint: QuicEndpoint;
  readonly made: Certificate;
  readonly accepted: QuicConnection[];
  readonly ends: QuicEnd[];
  dial(changed?: Partial<QuicDialOptions>): Promise<QuicConnection>;
}

/** An endpoint for clients, with a certificate for `names`. */
async function stage(
  t: TestContext,
  options: Partial<QuicEndpointOptions> = {},
  names = ['localhost', '127.0.0.1'],
): Promise<Stage> {
  const made = await makeCertificate(...names);
  const accepted: QuicConnection[] = [];
  const ends: QuicEnd[] = [];
  const endpoint = await openQuicEndpoint({
    listen,
    server: { protocols, cert: made.cert, key: made.key },
    accept(connection) {
      accepted.push(connection);
      return { readable() {}, turned() {}, closed: (end) => void ends.push(end) };
    },
    ...options,
  });
  t.after(() => endpoint.close());
  return {
    endpoint,
    made,
    accepted,
    ends,
    async dial(changed = {}) {
      const connection = await dialQuic({
        ...endpoint.address,
        settings: { protocols, ca: made.cert },
        serverName: 'localhost',
        timeoutMs: 3_000,
        signal: new AbortController().signal,
        ...changed,
      });
      t.after(() => connection.drop());
      return connection;
    },
  };
}

describe('certificates', () => {
  test('names, addresses and authorities are checked, and what is wrong is said', async (t) => {
    const { dial, made } = await stage(t);
    const other = await makeCertificate('localhost');
    (await dial()).close(0, '');
    (await dial({ serverName: '127.0.0.1' })).close(0, '');
    const fails = (changed: Partial<QuicDialOptions>, code: string, message: RegExp) =>
      assert.rejects(dial(changed), { code, message });
    await fails({ serverName: 'evil.example' }, 'SERVER_TLS', /another name/);
    await fails(
      { serverName: '192.0.2.7' },
      'SERVER_TLS',
      /does not hold the address 192\.0\.2\.7/,
    );
    await fails(
      { settings: { protocols, ca: other.cert } },
      'SERVER_TLS',
      /not trusted|another name/,
    );
    await fails({ settings: { protocols } }, 'SERVER_TLS', /not trusted|another name/);
    await fails(
      { settings: { protocols: ['x'], ca: made.cert } },
      'SERVER_NOT_SALLYPORT',
      /protocol/,
    );
    await fails(
      { settings: { protocols, ca: 'junk' } },
      'CONFIG_INVALID',
      /no certificates in PEM/,
    );
  });

  test('another certificate holds for those that come after it', async (t) => {
    const { dial, endpoint, made } = await stage(t);
    const standing = await dial();
    const next = await makeCertificate('localhost');
    endpoint.replace({ protocols, cert: next.cert, key: next.key });
    await assert.rejects(dial(), { code: 'SERVER_TLS' });
    (await dial({ settings: { protocols, ca: next.cert } })).close(0, '');
    assert.equal(standing.over, false);
    assert.throws(() => endpoint.replace({ protocols, cert: next.cert, key: made.key }), {
      code: 'CONFIG_INVALID',
      message: /do not go together/,
    });
  });

  test('a client that says it has a certificate has to show one of the authorities; others show none', async (t) => {
    const own = await makeCertificate('client');
    const server = await makeCertificate('localhost');
    const { dial, accepted } = await stage(t, {
      server: { protocols, cert: server.cert, key: server.key, ca: own.cert },
    });
    const shown = { protocols, ca: server.cert, cert: own.cert, key: own.key };
    const connection = await dial({ settings: shown });
    await until('the server has it', () => accepted.length === 1);
    assert.match(accepted[0].peerCertificate!.subject, /client/);
    connection.close(0, '');
    await dial({ settings: { protocols, ca: server.cert } });
    await until('the server has it', () => accepted.length === 2);
    assert.equal(accepted[1].peerCertificate, null);
    // In TLS 1.3 a client is done before the server has looked at its certificate.
    const refused = await dial({ settings: { ...shown, cert: server.cert, key: server.key } });
    const end = Promise.withResolvers<QuicEnd>();
    refused.user = { readable() {}, turned() {}, closed: end.resolve };
    assert.equal((await within(3_000, end.promise)).remote, true);
    assert.equal(accepted.length, 2);
  });
});

describe('life', () => {
  test('code and reason of a close reach the other end', async (t) => {
    const { dial, ends } = await stage(t);
    (await dial()).close(7, 'enough');
    await until('the server knows', () => ends.length === 1);
    const { remote, application, code, reason } = ends[0];
    assert.deepEqual([remote, application, code, reason], [true, true, 7, 'enough']);
  });

  test('silence ends a connection, and signs of life keep it', async (t) => {
    const settings = async () => {
      const { cert, key } = await makeCertificate('localhost');
      return { server: { protocols, cert, key, idleTimeoutMs: 400 }, ca: cert };
    };
    const quiet = await settings();
    const first = await stage(t, { server: quiet.server });
    await first.dial({ settings: { protocols, ca: quiet.ca } });
    await until('it has ended', () => first.ends.length === 1);
    assert.equal(first.ends[0].timedOut, true);
    const kept = await settings();
    const second = await stage(t, { server: kept.server, keepAliveMs: 100 });
    await second.dial({ settings: { protocols, ca: kept.ca } });
    const began = performance.now();
    await until('longer than the time-out', () => performance.now() - began > 1_200);
    assert.equal(second.ends.length, 0);
  });

  test('a silent address is HANDSHAKE_TIMEOUT, and a signal ends the attempt', async (t) => {
    const { dial } = await stage(t);
    const silent = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const { port } = silent.address();
    await assert.rejects(dial({ port, timeoutMs: 300 }), { code: 'HANDSHAKE_TIMEOUT' });
    const signal = AbortSignal.timeout(50);
    await assert.rejects(dial({ port, signal }), { name: 'TimeoutError' });
  });

  test('a port in use is LISTEN_FAILED', async (t) => {
    const { endpoint } = await stage(t);
    await assert.rejects(openQuicEndpoint({ listen: endpoint.address }), { code: 'LISTEN_FAILED' });
  });
});

describe('bounds', () => {
  test('with many handshakes under way a newcomer proves its address, and gets in', async (t) => {
    const { dial, endpoint } = await stage(t, { retryAbove: 0 });
    const replies: Buffer[] = [];
    const socket = dgram.createSocket('udp4').on('message', (bytes) => replies.push(bytes));
    t.after(() => socket.close());
    socket.send(initial(1), endpoint.address.port, '127.0.0.1');
    await until('an answer came', () => replies.length > 0);
    // Type 3 of version 1 is Retry; RFC 9000, section 17.2.5.
    assert.equal(replies[0][0] & 0xf0, 0xf0);
    assert.equal(endpoint.connections, 0);
    assert.equal((await dial()).over, false);
  });

  test('an unknown version is answered with those that are known', async (t) => {
    const { endpoint } = await stage(t);
    const replies: Buffer[] = [];
    const socket = dgram.createSocket('udp4').on('message', (bytes) => replies.push(bytes));
    t.after(() => socket.close());
    socket.send(initial(0x1a2a3a4a), endpoint.address.port, '127.0.0.1');
    await until('an answer came', () => replies.length > 0);
    assert.equal(replies[0].readUInt32BE(1), 0);
    assert.ok(replies[0].includes(Buffer.from([0, 0, 0, 1])));
    assert.equal(endpoint.connections, 0);
  });

  test('abandoned handshakes are bounded, and gone after their time', async (t) => {
    const { dial, endpoint } = await stage(t, {
      handshakesMax: 8,
      retryAbove: 100,
      handshakeMs: 600,
    });
    // The Initials of clients that then say nothing more.
    const initials: Buffer[] = [];
    const socket = dgram.createSocket('udp4').on('message', (bytes) => initials.push(bytes));
    await once(socket.bind(0, '127.0.0.1'), 'listening');
    t.after(() => socket.close());
    const clients = await openQuicEndpoint({ listen });
    const config = clientConfig(loadQuic(), { protocols });
    const nowhere = { host: '127.0.0.1', port: socket.address().port };
    for (let i = 0; i < 30; i++) clients.connect(config, nowhere, null, () => {});
    await until('they are there', () => initials.length >= 30);
    clients.close();
    for (const bytes of initials) socket.send(bytes, endpoint.address.port, '127.0.0.1');
    await until('all that fit are there', () => endpoint.handshakes === 8);
    await assert.rejects(dial({ timeoutMs: 100 }), { code: 'HANDSHAKE_TIMEOUT' });
    assert.equal(endpoint.connections, 8);
    await until('they are gone', () => endpoint.handshakes === 0);
    assert.equal((await dial()).over, false);
  });

  test('connections beyond the bound are not taken', async (t) => {
    const { dial } = await stage(t, { connectionsMax: 2 });
    await dial();
    const second = await dial();
    await assert.rejects(dial({ timeoutMs: 400 }), { code: 'HANDSHAKE_TIMEOUT' });
    second.close(0, '');
    await until('there is room again', async () =>
      dial({ timeoutMs: 300 }).then(
        () => true,
        () => false,
      ),
    );
  });
});

/** The beginning of an Initial, with ids of 8 bytes and junk behind. */
function initial(version: number): Buffer {
  const bytes = Buffer.alloc(1_200, 0x5a);
  bytes[0] = 0xc3;
  bytes.writeUInt32BE(version, 1);
  bytes[5] = 8;
  bytes[14] = 8;
  bytes[23] = 0;
  return bytes;
}
