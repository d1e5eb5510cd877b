import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { makeCertificate, temporaryFolder, type Certificate } from '../../test/support/files.ts';
import type { ClientCertificate } from '../access/authenticator.ts';
import { createLogger } from '../observe/logger.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { openPublicListener } from './public-listener.ts';

const [own, ann, bob] = await Promise.all([
  makeCertificate('localhost'),
  makeCertificate('ann.test', 'other.test', '10.0.0.7'),
  makeCertificate('bob.test'),
]);

/** A listener whose clients' authorities are these. */
async function listen(t: TestContext, authorities: string | null) {
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, text);
    return file;
  };
  const pair = { cert: write('cert.pem', own.cert), key: write('key.pem', own.key) };
  const files = (text: string | null) =>
    text === null ? pair : { ...pair, clientCa: write('clients.pem', text) };
  const seen: (ClientCertificate | null)[] = [];
  const listener = await openPublicListener({
    listen: { host: '127.0.0.1', port: 0 },
    tls: files(authorities),
    proxyProtocolFrom: null,
    log: createLogger({ level: 'silent', format: 'json' }),
    connection(socket) {
      seen.push(clientCertificateOf(socket));
      socket.on('error', () => {}).end('hello');
      socket.resume();
    },
    failed: (error) => assert.fail(error.message),
  });
  t.after(() => listener.close());
  /** The certificate that the server saw, and the session to come back with. */
  async function connect(certificate?: Certificate, session?: Buffer) {
    const { port } = listener.address;
    const to = { host: '127.0.0.1', port, servername: 'localhost', ca: own.cert };
    const socket = tls.connect({ ...to, session, ...certificate });
    const sessions: Buffer[] = [];
    socket.on('session', (one) => sessions.push(one)).resume();
    await once(socket, 'secureConnect');
    const resumed = socket.isSessionReused();
    await once(socket, 'close');
    return { saw: seen.at(-1)!, session: sessions.at(-1), resumed };
  }
  return { listener, files, connect };
}

test('a certificate of a known authority is seen with its names', async (t) => {
  const { connect } = await listen(t, ann.cert);
  const { saw } = await connect(ann);
  assert.equal(saw?.subject, 'ann.test');
  assert.deepEqual(saw.names, ['DNS:ann.test', 'DNS:other.test', 'IP:10.0.0.7']);
  assert.match(saw.fingerprint, /^[0-9a-f]{64}$/);
  assert.ok(saw.expiresAt > Date.now());
});

test('none, one of an unknown authority, and one that was not asked for are none', async (t) => {
  const { connect } = await listen(t, ann.cert);
  assert.equal((await connect()).saw, null);
  assert.equal((await connect(bob)).saw, null);
  const incurious = await listen(t, null);
  assert.equal((await incurious.connect(ann)).saw, null);
});

test('bypass: no session is resumed in which a certificate was shown', async (t) => {
  const { connect } = await listen(t, ann.cert);
  const { session } = await connect(ann);
  const again = await connect(undefined, session);
  assert.deepEqual([again.saw, again.resumed], [null, false]);
});

test('other authorities count from then on, and an authority that is gone counts no more', async (t) => {
  const { connect, listener, files } = await listen(t, ann.cert);
  const takeOver = listener.prepare(files(bob.cert));
  takeOver();
  assert.equal((await connect(ann)).saw, null);
  assert.equal((await connect(bob)).saw?.subject, 'bob.test');
});

test('authorities that cannot be used are refused, and whether there are any needs a restart', async (t) => {
  for (const text of ['', 'hello', own.key, `${ann.cert.slice(0, 300)}\n-----END CERTIFICATE-----`])
    await assert.rejects(listen(t, text), { code: 'CONFIG_INVALID', message: /tls_client_ca/ });
  const { listener, files } = await listen(t, ann.cert);
  assert.throws(() => listener.prepare(files('hello')), { code: 'CONFIG_INVALID' });
  assert.throws(() => listener.prepare(files(null)), { message: /needs a restart/ });
  const plain = await listen(t, null);
  assert.throws(() => plain.listener.prepare(plain.files(ann.cert)), { message: /restart/ });
});
