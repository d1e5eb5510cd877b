import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { httpProxyTo, playProxy, socksProxyTo } from '../support/proxies.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startClient, startServer, startService } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const host = 'web.localhost';

test('an agent behind a proxy with a login, by flag and by the environment', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  for (const by of ['flag', 'environment']) {
    const proxy = await playProxy(t, { answer: httpProxyTo(server.port, 'ann:hunter2') });
    const url = `http://ann:hunter2@127.0.0.1:${proxy.port}`;
    const words = ['http', String(origin.port), '--name', 'web', '--server', 'ws://tunnel.invalid'];
    const service = await startService(
      t,
      server,
      by === 'flag' ? [...words, '--proxy', url] : words,
      {
        env: by === 'flag' ? {} : { http_proxy: url },
      },
    );
    assert.equal((await ask({ port: server.port, host })).status, 200);
    assert.match(proxy.heard[0].toString(), /^CONNECT tunnel\.invalid:80 /);
    assert.doesNotMatch(service.program.out() + service.program.err(), /hunter2/);
    await service.program.end();
  }
});

test('single requests go through the proxy too', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  const proxy = await playProxy(t, { answer: httpProxyTo(server.port) });
  const words = ['http', String(origin.port), '--name', 'web', '--transport', 'longpoll'];
  await startService(t, server, [...words, '--server', 'ws://tunnel.invalid'], {
    env: { http_proxy: `http://127.0.0.1:${proxy.port}` },
  });
  assert.equal((await ask({ port: server.port, host })).status, 200);
  assert.ok(
    proxy.heard.every((bytes) => bytes.toString().startsWith('CONNECT tunnel.invalid:80 ')),
  );
});

test('proxy `none` is a direct way, whatever the environment says', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  await startService(t, server, ['http', String(origin.port), '--name', 'web', '--proxy', 'none'], {
    env: { http_proxy: 'http://127.0.0.1:1' },
  });
});

test('a proxy that refuses: the program says which, why and what to do, without the login', async (t) => {
  const server = await startServer(t);
  const proxy = await playProxy(t, { answer: httpProxyTo(server.port, 'ann:other') });
  const program = startClient(t, server, [
    'tcp',
    '22',
    '--name',
    'box',
    '--proxy',
    `http://ann:hunter2@127.0.0.1:${proxy.port}`,
  ]);
  assert.equal((await program.ended()).code, 3);
  assert.match(program.err(), /PROXY_AUTH/);
  assert.match(program.err(), /the login is wrong/);
  assert.doesNotMatch(program.err(), /hunter2/);
});

test('a proxy that dies: the agent dials again through its successor', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  let down = false;
  const join = httpProxyTo(server.port);
  const proxy = await playProxy(t, {
    answer: (heard) => (down ? { end: true } : join(heard)),
  });
  const url = `http://127.0.0.1:${proxy.port}`;
  const words = ['http', String(origin.port), '--name', 'web', '--proxy', url];
  const service = await startService(t, server, words);
  down = true;
  server.program.kill('SIGSTOP');
  proxy.drop();
  await service.program.logLine((line) => (/PROXY_INVALID/.test(line) ? line : undefined));
  down = false;
  server.program.kill('SIGCONT');
  const before = proxy.heard.length;
  await until('it is dialled again', () => proxy.heard.length > before);
  await until(
    'the service is back',
    async () => (await ask({ port: server.port, host })).status === 200,
  );
});

test('SOCKS 5 with a login: the proxy looks the name up', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  const login = { user: 'ann', password: 'hunter2' };
  const proxy = await playProxy(t, { answer: socksProxyTo(server.port, login) });
  const words = ['http', String(origin.port), '--name', 'web', '--server', 'ws://tunnel.invalid'];
  const service = await startService(t, server, words, {
    env: { all_proxy: `socks5://ann:hunter2@127.0.0.1:${proxy.port}` },
  });
  assert.equal((await ask({ port: server.port, host })).status, 200);
  assert.ok(proxy.heard[0].includes('tunnel.invalid'));
  assert.doesNotMatch(service.program.out() + service.program.err(), /hunter2/);
});

test('NO_PROXY: what it lists is dialled directly', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  await startService(t, server, ['http', String(origin.port), '--name', 'web'], {
    env: { HTTP_PROXY: 'http://127.0.0.1:1', NO_PROXY: 'localhost,127.0.0.0/8' },
  });
  assert.equal((await ask({ port: server.port, host })).status, 200);
});

test('client ports: the agent comes from one of them, and says when all are in use', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  const from: (number | undefined)[] = [];
  const road = net.createServer((near) => {
    from.push(near.remotePort);
    const far = net.connect(server.port, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
    t.after(() => [near, far].forEach((socket) => socket.destroy()));
  });
  await once(road.listen(0, '127.0.0.1'), 'listening');
  t.after(() => road.close());
  const port = await freePort();
  const ports = ['--client-ports', `${port}..${port}`];
  const words = ['http', String(origin.port), '--name', 'web', ...ports];
  await startService(t, road.address() as net.AddressInfo, words);
  assert.deepEqual(from, [port]);
  const second = startClient(t, road.address() as net.AddressInfo, ['connect', 'web', ...ports]);
  second.stdin.end();
  await second.ended();
  assert.match(second.err(), /every port of client_ports is in use/);
});
