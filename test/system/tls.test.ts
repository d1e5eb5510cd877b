import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { test, type TestContext } from 'node:test';
import { makeCertificate, temporaryFolder, type Certificate } from '../support/files.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { converse, freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { startClient, startServer, startService } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

interface Files {
  cert: string;
  key: string;
}

function writePair(folder: string, certificate: Certificate): Files {
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  writeFileSync(`${files.cert}.new`, certificate.cert);
  writeFileSync(`${files.key}.new`, certificate.key, { mode: 0o600 });
  renameSync(`${files.key}.new`, files.key);
  renameSync(`${files.cert}.new`, files.cert);
  return files;
}

async function startSecureServer(t: TestContext, extra: string[] = []) {
  const folder = temporaryFolder(t);
  const certificate = await makeCertificate('localhost', 'web.localhost', '127.0.0.1');
  const files = writePair(folder, certificate);
  const flags = ['--tls-cert', files.cert, '--tls-key', files.key, ...extra];
  const server = await startServer(t, flags);
  return { server, folder, certificate, files, url: `wss://127.0.0.1:${server.port}` };
}

test('an agent over wss trusts the authority of --ca, and nobody without it', async (t) => {
  const { server, files, url } = await startSecureServer(t);
  const echo = await startEcho(t);
  const words = ['tcp', echo.address, '--name', 'box', '--port', '0', '--server', url];
  const untrusting = startClient(t, server, words);
  assert.equal((await untrusting.ended()).code, 5);
  assert.match(untrusting.err(), /SERVER_TLS/);
  const service = await startService(t, server, [...words, '--ca', files.cert]);
  const sent = noiseBytes(4 * 1024 * 1024);
  assert.ok(sent.equals(await converse(service.assigned.port!, sent)));
});

test('public requests over TLS reach the service, which is told that they were https', async (t) => {
  const { server, files, certificate, url } = await startSecureServer(t);
  const origin = await startOrigin(t);
  const words = ['http', origin.address, '--name', 'web', '--server', url, '--ca', files.cert];
  await startService(t, server, words);
  const request = https.get({
    port: server.port,
    host: '127.0.0.1',
    servername: 'web.localhost',
    ca: certificate.cert,
    headers: { host: 'web.localhost' },
    agent: false,
  });
  const [response] = await within(5_000, once(request, 'response'));
  response.resume();
  assert.equal(response.statusCode, 200);
  assert.match(origin.heads[0] ?? '', /^x-forwarded-proto: https$/im);
});

test('a changed certificate is taken up without a restart; a broken one is not', async (t) => {
  const { server, folder, certificate } = await startSecureServer(t);
  const shown = async (): Promise<string> => {
    const socket = tls.connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await shown();
  const next = await makeCertificate('localhost', '127.0.0.1');
  writePair(folder, next);
  await until('the new certificate is shown', async () => (await shown()) !== before);
  const after = await shown();
  writePair(folder, { cert: 'not a certificate', key: certificate.key });
  await server.program.logLine((line) =>
    /certificate/i.test(line) && /error|warn|"level":[45]0/i.test(line) ? true : undefined,
  );
  assert.equal(await shown(), after, 'the last good one stays');
});

test('TLS passthrough leads by server name, and the target ends the TLS', async (t) => {
  const passthrough = await freePort();
  const listen = ['--tls-passthrough-listen', `127.0.0.1:${passthrough}`];
  const server = await startServer(t, listen);
  const inner = await makeCertificate('secret.example.test');
  const target = await startTcpTarget(t, (socket) => {
    const secured = new tls.TLSSocket(socket, { isServer: true, ...inner });
    secured.on('error', () => {});
    secured.end('from behind');
  });
  const words = ['tcp', target.address, '--name', 'secret', '--sni', 'secret.example.test'];
  await startService(t, server, words);
  const socket = tls.connect({
    port: passthrough,
    host: '127.0.0.1',
    servername: 'secret.example.test',
    ca: inner.cert,
  });
  let said = '';
  for await (const piece of socket) said += String(piece);
  assert.equal(said, 'from behind', 'with the target’s own certificate');

  const stranger = tls.connect({
    port: passthrough,
    host: '127.0.0.1',
    servername: 'other.example.test',
  });
  const [error] = (await within(5_000, once(stranger, 'error'))) as [Error];
  assert.ok(error, 'an unknown name is not served');
});
