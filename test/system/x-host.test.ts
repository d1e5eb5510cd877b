/** Services whose requests choose where they go: by X-Host, within what the agent allows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { startServer, startService } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

const host = 'web.localhost';

/** A service with a target of its own, `usual`, that lets requests choose `blog`, or what is said. */
async function start(t: TestContext, regexp?: string) {
  const [usual, blog] = [await startOrigin(t), await startOrigin(t, { name: 'blog' })];
  const server = await startServer(t);
  const allowed = regexp ?? `http://(127\\.0\\.0\\.1:${blog.port}|blog\\.example\\.com)`;
  const words = ['http', String(usual.port), '--name', 'web', '--x-host', allowed];
  const service = await startService(t, server, words);
  const { port } = server;
  return {
    port,
    usual,
    blog,
    service,
    to: (origin: string) => ({ port, host, headers: { 'X-Host': origin } }),
  };
}

test('where requests go: by X-Host, without it, and not elsewhere', async (t) => {
  const { port, usual, blog, to } = await start(t);
  const named = { ...to(`http://${blog.address}`), path: '/whoami' };
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal((await ask({ ...named, agent })).text, 'blog');
  assert.equal((await ask({ port, host, path: '/whoami', agent })).text, 'origin');
  assert.equal((await ask({ ...named, agent })).text, 'blog', 'on one connection, by turns');
  assert.match(blog.heads[0], new RegExp(`^Host: ${blog.address}$`, 'm'));
  assert.match(blog.heads[0], /x-forwarded-host: web\.localhost/i);
  assert.doesNotMatch(blog.heads[0], /x-host:/i);
  assert.match(usual.heads[0], /^host: web\.localhost$/im);
  const before = usual.heads.length;
  for (const other of [`http://${usual.address}`, `http://${blog.address}/`, 'nonsense']) {
    const { status, text } = await ask(to(other));
    assert.equal(status, 403);
    assert.match(text, /^DENIED: service web: X-Host '.*' is not allowed\n$/);
  }
  assert.equal(usual.heads.length, before);
});

test('bodies of any length both ways, as they come; statuses, HEAD, redirects', async (t) => {
  const { to, blog } = await start(t);
  const road = to(`http://${blog.address}`);
  const body = noiseBytes(12_000_000);
  const echoed = await ask({ ...road, method: 'POST', path: '/echo', body });
  assert.ok(echoed.body.equals(body));
  const chunked = { ...road, headers: { ...road.headers, 'Transfer-Encoding': 'chunked' } };
  assert.equal((await ask({ ...chunked, method: 'POST', path: '/echo', body: 'hi' })).text, 'hi');
  await ask({ ...road, method: 'POST', path: '/echo' });
  assert.match(blog.heads.at(-1)!, /content-length: 0/i);
  assert.equal((await ask({ ...road, path: '/status/445' })).status, 445);
  const head = await ask({ ...road, method: 'HEAD', path: '/noise/99' });
  assert.equal(head.headers['content-length'], '99');

  const events = http.createServer((request, response) => {
    if (request.url === '/away') return response.writeHead(302, { Location: '/x' }).end();
    return response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
  });
  await once(events.listen(0, '127.0.0.1'), 'listening');
  t.after(() => events.close());
  const { port } = events.address() as AddressInfo;
  let left = false;
  events.on('connection', (socket) => socket.on('close', () => (left = true)));
  const all = await start(t, 'http://127\\.0\\.0\\.1:\\d{1,5}');
  const stream = await open({ ...all.to(`http://127.0.0.1:${port}`), path: '/events' });
  const [first] = (await within(5_000, once(stream, 'data'))) as [Buffer];
  assert.equal(String(first), 'data: 1\n\n');
  left = false;
  stream.destroy();
  await until('its origin is left', () => left);
  const away = await ask({ ...all.to(`http://127.0.0.1:${port}`), path: '/away' });
  assert.deepEqual([away.status, away.headers.location], [302, '/x']);
});

test('an upgrade goes to the origin that was named, and bytes both ways', async (t) => {
  const upgrading = http.createServer();
  upgrading.on('upgrade', (request, socket) => {
    const fields = `Connection: Upgrade\r\nUpgrade: ${request.headers.upgrade}`;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nX-Own: yes\r\n\r\nhello `);
    socket.on('error', () => {}).pipe(socket);
  });
  await once(upgrading.listen(0, '127.0.0.1'), 'listening');
  t.after(() => upgrading.close());
  const { port: there } = upgrading.address() as AddressInfo;
  const { port } = await start(t, `http://127\\.0\\.0\\.1:${there}`);
  const socket = net.connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const lines = ['GET /ws HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: echo'];
  socket.write(`${lines.join('\r\n')}\r\nX-Host: http://127.0.0.1:${there}\r\n\r\n`);
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await until('it is switched', () => text.endsWith('hello '));
  assert.match(text, /^HTTP\/1\.1 101 [^]*X-Own: yes/);
  socket.write('world');
  await until('it comes back', () => text.endsWith('hello world'));
});

test('an origin that is not there: 502 without its address', async (t) => {
  const { to } = await start(t, 'http://127\\.0\\.0\\.1:1');
  const { status, text } = await ask(to('http://127.0.0.1:1'));
  assert.equal(status, 502);
  assert.match(text, /^TARGET_REFUSED: service web: its target refused the connection\n$/);
});

test('an agent that leaves is not held up by connections that rest', async (t) => {
  const { service, port } = await start(t);
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal((await ask({ port, host, path: '/whoami', agent })).text, 'origin');
  const { code } = await within(20_000, service.program.end('SIGTERM'));
  assert.equal(code, 0);
});

test('a regexp that cannot be meant is refused before anything is dialled', async (t) => {
  const server = await startServer(t);
  const words = ['http', '1', '--name', 'web', '--x-host', '('];
  await assert.rejects(startService(t, server, words), /x-host: regexp/);
});
