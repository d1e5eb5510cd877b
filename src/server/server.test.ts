import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { composeServer, runAgent, service } from '../../test/support/composition.ts';
import { converse, freePort, startEcho } from '../../test/support/tcp-targets.ts';
import { until, within } from '../../test/support/wait.ts';
import type { ServerOptions } from './options.ts';

const loopback = (port: number) => ({ host: '127.0.0.1', port });
const tcpPorts = [{ low: 30_850, high: 30_899 }];

describe('a server that cannot start leaves nothing behind', () => {
  const faults: [string, string, () => Promise<Partial<ServerOptions>>][] = [
    [
      'its port is taken',
      'LISTEN_FAILED',
      async () => {
        const taken = net.createServer().listen(0, '127.0.0.1').unref();
        await once(taken, 'listening');
        return { listen: loopback((taken.address() as net.AddressInfo).port) };
      },
    ],
    ['a malformed CIDR', 'USAGE', () => Promise.resolve({ trustedProxies: ['10.0.0.0/99'] })],
    ['no credentials', 'CONFIG_INVALID', () => Promise.resolve({ identities: [] })],
    [
      'a certificate that is not there',
      'CONFIG_INVALID',
      () => Promise.resolve({ tls: { cert: '/nonexistent.crt', key: '/nonexistent.key' } }),
    ],
  ];
  for (const [name, code, fault] of faults) {
    test(name, async (t) => {
      const port = await freePort();
      const listen = loopback(await freePort());
      const options = { listen, tlsPassthroughListen: loopback(port), ...(await fault()) };
      await assert.rejects(composeServer(t, options), { code });
      await composeServer(t, { tlsPassthroughListen: loopback(port) });
      await assert.rejects(converse(listen.port, ''), { code: 'ECONNREFUSED' });
    });
  }

  test('the port for passthrough is taken', async (t) => {
    const echo = await startEcho(t);
    const listen = loopback(await freePort());
    const options = { listen, tlsPassthroughListen: loopback(echo.port) };
    await assert.rejects(composeServer(t, options), { code: 'PORT_TAKEN' });
    await assert.rejects(converse(listen.port, ''), { code: 'ECONNREFUSED' });
  });
});

test('close takes nothing new, on any port, and lets running streams end', async (t) => {
  const echo = await startEcho(t);
  const passthrough = loopback(await freePort());
  const server = await composeServer(t, { tcpPorts, tlsPassthroughListen: passthrough });
  const agent = runAgent(t, server.address, [service('box', echo.address, { port: 0 })]);
  await agent.ready();
  const { port } = agent.assigned.get('box')!;
  const running = net.connect({ port: port!, host: '127.0.0.1', allowHalfOpen: true });
  running.write('one ');
  await once(running, 'data');
  const closing = server.close(30_000);
  for (const closed of [server.address.port, port!, passthrough.port]) {
    await assert.rejects(converse(closed, 'new'), { code: 'ECONNREFUSED' });
  }
  await until('the agent is told', () => agent.losses.length > 0);
  assert.equal(agent.losses[0], null);
  running.end('two');
  let heard = '';
  for await (const piece of running) heard += String(piece);
  assert.equal(heard, 'two');
  await within(5_000, closing, 'the end of the server');
  await agent.stop();
});

test('close breaks off what still runs after the grace time', async (t) => {
  const echo = await startEcho(t);
  const server = await composeServer(t, { tcpPorts });
  const agent = runAgent(t, server.address, [service('box', echo.address, { port: 0 })]);
  await agent.ready();
  const running = net.connect(agent.assigned.get('box')!.port!, '127.0.0.1');
  running.write('one');
  await once(running, 'data');
  const broken = once(running, 'error');
  await within(5_000, server.close(100), 'the end of the server');
  assert.equal(((await within(5_000, broken)) as NodeJS.ErrnoException[])[0].code, 'ECONNRESET');
});

test('an idle server closes at once, with its agents attached', async (t) => {
  const echo = await startEcho(t);
  const server = await composeServer(t);
  const agent = runAgent(t, server.address, [service('box', echo.address)]);
  await agent.ready();
  const began = performance.now();
  await server.close(30_000);
  assert.ok(performance.now() - began < 5_000, 'and does not wait for its grace');
  await agent.stop();
});
