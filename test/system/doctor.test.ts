import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { allScopes } from '../../src/access/identity.ts';
import type { Step } from '../../src/consumer/doctor/step.ts';
import { composeServer } from '../support/composition.ts';
import { makeCertificate, temporaryFile, temporaryFolder } from '../support/files.ts';
import { runProgram, type ProgramOptions } from '../support/program.ts';
import { httpProxyTo, playProxy } from '../support/proxies.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startServer, testToken, tokenInEnvironment } from '../support/tunnel.ts';

interface Examined {
  readonly code: number | null;
  readonly said: string;
  step(what: string): Step | undefined;
}

async function examine(
  t: TestContext,
  words: readonly string[],
  options: ProgramOptions = { env: tokenInEnvironment },
): Promise<Examined> {
  const { code, out, err } = await runProgram(t, ['doctor', '--json', ...words], options);
  const { steps } = JSON.parse(out) as { steps: Step[] };
  return { code, said: out + err, step: (name) => steps.find(({ what }) => what === name) };
}

test('all is well: every step, both transports, and a connection that rests', async (t) => {
  const { port } = await startServer(t);
  const { code, step } = await examine(t, [`ws://127.0.0.1:${port}`, '--idle', '300ms']);
  assert.equal(code, 0);
  for (const what of ['name', 'connection', 'WebSocket', 'long-poll', 'idle'])
    assert.equal(step(what)?.result, 'ok', what);
  assert.match(step('WebSocket')!.found, /round trip takes \d+\.\d ms/);
  assert.equal(step('QUIC')?.result, 'skipped');
});

test('TLS: what the certificate says, and what is wrong with it', async (t) => {
  const folder = temporaryFolder(t);
  const { cert, key } = await makeCertificate('localhost');
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  const { port } = await startServer(t, ['--tls-cert', files.cert, '--tls-key', files.key]);
  const url = `wss://localhost:${port}`;
  const trusting = await examine(t, [url, '--ca', files.cert]);
  assert.equal(trusting.code, 0);
  assert.match(
    trusting.step('TLS')!.found,
    /^TLSv1\.3 .* certificate of localhost by localhost until /,
  );
  const strict = await examine(t, [url]);
  assert.equal(strict.code, 5);
  const { result, code, remedy } = strict.step('TLS')!;
  assert.deepEqual([result, code], ['failed', 'SERVER_TLS']);
  assert.match(remedy!, /--ca/);
  assert.equal(strict.step('WebSocket'), undefined, 'nothing can come after it');
});

test('a proxy: the one that is used, a wrong login, and never a word of the password', async (t) => {
  const server = await startServer(t);
  const proxy = await playProxy(t, { answer: httpProxyTo(server.port, 'ann:hunter2') });
  const through = (login: string) =>
    examine(t, ['ws://tunnel.invalid'], {
      env: { ...tokenInEnvironment, http_proxy: `http://${login}@127.0.0.1:${proxy.port}` },
    });
  const right = await through('ann:hunter2');
  assert.equal(right.code, 0);
  assert.match(right.step('proxy')!.found, /^http 127\.0\.0\.1:\d+, with a login$/);
  assert.equal(right.step('proxy login')?.result, 'ok');
  const wrong = await through('ann:hunter3');
  assert.equal(wrong.code, 3);
  assert.equal(wrong.step('proxy login')?.code, 'PROXY_AUTH');
  assert.doesNotMatch(right.said + wrong.said, /hunter/);
});

test('no WebSocket on the way: long-poll works, and that is enough', async (t) => {
  const server = await startServer(t);
  const proxy = await playProxy(t, {
    answer: (heard) => {
      const text = heard.toString('latin1');
      if (!text.includes('\r\n\r\n')) return null;
      return /\r\nUpgrade:/i.test(text)
        ? { bytes: 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n', end: true }
        : { join: server.port, replay: true };
    },
  });
  const { code, step } = await examine(t, [`ws://127.0.0.1:${proxy.port}`]);
  assert.equal(code, 0);
  assert.equal(step('WebSocket')?.code, 'SERVER_NOT_SALLYPORT');
  assert.equal(step('long-poll')?.result, 'ok');
});

test('nobody listens; no such name; no token; a wrong one', async (t) => {
  const nobody = await examine(t, [`ws://127.0.0.1:${await freePort()}`]);
  assert.deepEqual([nobody.code, nobody.step('connection')?.code], [5, 'SERVER_UNREACHABLE']);
  const unnamed = await examine(t, ['ws://nobody.invalid']);
  assert.deepEqual([unnamed.code, unnamed.step('name')?.code], [5, 'SERVER_UNREACHABLE']);
  const { port } = await startServer(t);
  const stranger = await examine(t, [`ws://127.0.0.1:${port}`], {});
  assert.equal(stranger.code, 0);
  assert.match(stranger.step('long-poll')!.found, /asks for a token/);
  const wrong = await examine(t, [`ws://127.0.0.1:${port}`], {
    env: { SALLYPORT_TOKEN: 'sp_not-the-one' },
  });
  assert.deepEqual([wrong.code, wrong.step('WebSocket')?.code], [3, 'AUTH_FAILED']);
});

test('something cuts idle connections: it is found, with what to do', async (t) => {
  const server = await startServer(t);
  const cutter = net.createServer((near) => {
    const far = net.connect(server.port, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => {});
    near.setTimeout(100, () => near.destroy());
    near.on('close', () => far.destroy());
    near.pipe(far).pipe(near);
  });
  await once(cutter.listen(0, '127.0.0.1'), 'listening');
  t.after(() => cutter.close());
  const { port } = cutter.address() as net.AddressInfo;
  const { code, step } = await examine(t, [`ws://127.0.0.1:${port}`, '--idle', '5s']);
  assert.equal(code, 0, 'a transport works');
  assert.equal(step('idle')?.code, 'LINK_IDLE_CUT');
  assert.match(step('idle')!.remedy!, /--heartbeat/);
});

test('TCP is kept back and UDP is not: QUIC is tried all the same, and is enough', async (t) => {
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1');
  const certificate = temporaryFile(t, 'cert.pem', cert);
  const { quicAddress } = await composeServer(t, {
    identities: [{ name: 'ann', token: testToken, ...allScopes }],
    tls: { cert: certificate, key: temporaryFile(t, 'key.pem', key) },
    quicListen: { host: '127.0.0.1', port: 0 },
  });
  const words = [`wss://127.0.0.1:${await freePort()}`, '--ca', certificate];
  const without = await examine(t, words);
  assert.deepEqual([without.code, without.step('QUIC')], [5, undefined]);
  const { code, step } = await examine(t, [
    ...words,
    '--quic',
    `127.0.0.1:${quicAddress!.port}`,
    '--idle',
    '100ms',
  ]);
  assert.equal(step('connection')?.code, 'SERVER_UNREACHABLE');
  assert.match(step('QUIC')!.found, /round trip takes/);
  assert.deepEqual([step('WebSocket'), step('idle')], [undefined, undefined]);
  assert.equal(code, 0);
});

test('what is no URL of a server is refused, and a password in one is not repeated', async (t) => {
  for (const url of ['nonsense', 'ftp://127.0.0.1', 'ws://ann:hunter2@127.0.0.1', 'ws://x/?a=b']) {
    const { code, out, err } = await runProgram(t, ['doctor', url], { env: tokenInEnvironment });
    assert.equal(code, 2, url);
    assert.match(err, /USAGE: URL: must /, url);
    assert.doesNotMatch(out + err, /hunter2/);
  }
});
