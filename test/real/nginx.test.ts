import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { temporaryFolder } from '../support/files.ts';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { startNginx } from '../support/nginx.ts';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { runPeer } from '../support/peer.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startTunnel } from '../support/tunnel.ts';
import { within } from '../support/wait.ts';

const MB = 1024 * 1024;
const host = 'web.localhost';

/** nginx as the service: files of `folder`, and what `more` adds. */
async function startSite(t: TestContext, more = ''): Promise<{ folder: string; port: number }> {
  const folder = temporaryFolder(t);
  const site = await freePort();
  await startNginx(
    t,
    site,
    `server {
      listen 127.0.0.1:${site};
      root ${folder};
      gzip on;
      gzip_types *;
      client_max_body_size 0;
      location /upload/ { dav_methods PUT; create_full_put_path on; }
      ${more}
    }`,
  );
  const { server } = await startTunnel(t, ['http', `127.0.0.1:${site}`, '--name', 'web']);
  return { folder, port: server.port };
}

test('nginx’s files come whole, in parts and compressed, over one connection', async (t) => {
  const { folder, port } = await startSite(t);
  const content = noiseBytes(MB);
  writeFileSync(path.join(folder, 'file.bin'), content);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const question = { port, host, agent, path: '/file.bin' };

  const whole = await ask(question);
  assert.ok(content.equals(whole.body));
  const part = await ask({ ...question, headers: { range: 'bytes=1000-1999' } });
  assert.equal(part.status, 206);
  assert.ok(content.subarray(1000, 2000).equals(part.body));
  const zipped = await ask({ ...question, headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers['content-encoding'], 'gzip', 'left as nginx made it');
  assert.ok(content.equals(gunzipSync(zipped.body)));
  const same = await ask({ ...question, headers: { 'if-none-match': whole.headers.etag } });
  assert.equal(same.status, 304);
  assert.equal((await ask({ ...question, path: '/absent' })).status, 404);
});

test('200 MB down from nginx and up into it, byte for byte', async (t) => {
  const { folder, port } = await startSite(t);
  const bytes = 200 * MB;
  const digest = noiseDigest(bytes);
  await pipeline(noiseStream(bytes), createWriteStream(path.join(folder, 'large.bin')));
  const down = await digestOf(await open({ port, host, path: '/large.bin', timeout: 60_000 }));
  assert.deepEqual(down, { bytes, digest });
  const up = await ask({
    port,
    host,
    path: '/upload/copy.bin',
    method: 'PUT',
    headers: { 'content-length': bytes },
    body: noiseStream(bytes),
    timeout: 60_000,
  });
  assert.equal(up.status, 201);
  const copy = await digestOf(
    await open({ port, host, path: '/upload/copy.bin', timeout: 60_000 }),
  );
  assert.deepEqual(copy, { bytes, digest });
});

test('a WebSocket through the tunnel and nginx', async (t) => {
  const echo = await startOrigin(t);
  const { port } = await startSite(
    t,
    `location /chat {
      proxy_pass http://${echo.address};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }`,
  );
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { host } });
  await within(5_000, once(socket, 'open'));
  const sent = noiseBytes(MB);
  socket.send(sent);
  const [back] = (await within(10_000, once(socket, 'message'))) as [Buffer];
  assert.ok(sent.equals(back));
  socket.close(1000);
  await within(5_000, once(socket, 'close'));
});

test('git clones over plain HTTP from nginx', async (t) => {
  const { folder, port } = await startSite(t);
  const work = temporaryFolder(t);
  const git = async (cwd: string, ...words: string[]): Promise<string> => {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.test'];
    const done = await runPeer(['git', ...identity, ...words], {
      cwd,
      env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', no_proxy: '*' },
    });
    assert.equal(done.code, 0, `git ${words.join(' ')}: ${done.err}`);
    return done.out.toString().trim();
  };
  await git(work, 'init', '-q', 'source');
  const source = path.join(work, 'source');
  writeFileSync(path.join(source, 'data.bin'), noiseBytes(5 * MB));
  await git(source, 'add', '.');
  await git(source, 'commit', '-q', '-m', 'Add data');
  const bare = path.join(folder, 'repo.git');
  await git(work, 'clone', '-q', '--bare', source, bare);
  await git(bare, 'update-server-info');
  // git resolves the name by itself: *.localhost is loopback by RFC 6761, and curl holds to it.
  await git(work, 'clone', '-q', `http://${host}:${port}/repo.git`, 'clone');
  const clone = path.join(work, 'clone');
  assert.equal(await git(clone, 'rev-parse', 'HEAD'), await git(source, 'rev-parse', 'HEAD'));
  assert.equal(await git(clone, 'fsck', '--strict'), '');
});
