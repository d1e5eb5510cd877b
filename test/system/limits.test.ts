import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import { allScopes } from '../../src/access/identity.ts';
import { connectDuplex } from '../../src/consumer/connect.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import type { Server } from '../../src/server/handle.ts';
import {
  composeConsumer,
  composeServer,
  runAgent,
  service,
  type RunningAgent,
} from '../support/composition.ts';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { percentile } from '../support/load.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';

const MB = 1024 * 1024;
const tokens = { ann: 'sp_token-of-ann-in-limits', bob: 'sp_token-of-bob-in-limits' };

/** A server on which bob's agent offers two web services and one for streams. */
async function compose(
  t: TestContext,
  options: Partial<ServerOptions> & { ofBob?: ServerOptions['limits'] },
): Promise<{ server: Server; agent: RunningAgent }> {
  const { ofBob, ...others } = options;
  const server = await composeServer(t, {
    identities: [
      { name: 'ann', token: tokens.ann, ...allScopes },
      { name: 'bob', token: tokens.bob, ...allScopes, ...(ofBob && { limits: ofBob }) },
    ],
    ...others,
  });
  const web = await startOrigin(t, { log: false });
  const echo = await startEcho(t);
  const agent = runAgent(
    t,
    server.address,
    [
      service('slow', web.address, { kind: 'http' }),
      service('free', web.address, { kind: 'http' }),
      service('box', echo.address),
    ],
    { token: tokens.bob },
  );
  await agent.ready();
  return { server, agent };
}

const get = ({ address }: Server, name: string, path = '/') =>
  ask({ port: address.port, host: `${name}.localhost`, path });

describe('requests', () => {
  test('beyond the rate of a service: 429 with Retry-After, and other services are not concerned', async (t) => {
    const { server } = await compose(t, { services: [{ name: 'slow', limits: { requests: 5 } }] });
    const began = performance.now();
    const replies = await Promise.all(Array.from({ length: 60 }, () => get(server, 'slow')));
    const most = 5 * (2 + (performance.now() - began) / 1_000);
    const refused = replies.filter(({ status }) => status === 429);
    const passed = replies.filter(({ status }) => status === 200).length;
    assert.equal(passed + refused.length, 60);
    assert.ok(passed >= 5 && passed <= most, `${passed} passed, and ${most} may have`);
    const { headers, text } = refused[0];
    assert.equal(headers['sallyport-error'], 'RATE_LIMITED');
    assert.match(String(headers['retry-after']), /^[1-9]\d*$/);
    assert.match(text, /service "slow": more than 5 requests a second/);
    const others = await Promise.all(Array.from({ length: 20 }, () => get(server, 'free')));
    assert.ok(others.every(({ status }) => status === 200));
    await until('it lets requests through again', async () => {
      return (await get(server, 'slow')).status === 200;
    });
  });

  test('a refused request leaves its connection open', async (t) => {
    const { server } = await compose(t, { services: [{ name: 'slow', limits: { requests: 1 } }] });
    const socket = net.connect(server.address.port, '127.0.0.1');
    t.after(() => socket.destroy());
    let answer = '';
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
    const request = 'GET / HTTP/1.1\r\nHost: slow.localhost\r\n\r\n';
    socket.write(request.repeat(20) + request.replace('slow', 'free'));
    await until('all answers', () => answer.split('HTTP/1.1 ').length === 22);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual([statuses[0], statuses[20]], ['200', '200']);
    assert.ok(statuses.includes('429'), statuses.join(' '));
  });
});

describe('streams', () => {
  test('beyond the limit of a service they are refused by name, until one is over', async (t) => {
    const { server } = await compose(t, { services: [{ name: 'box', limits: { streams: 2 } }] });
    const consumer = composeConsumer(t, server.address, { token: tokens.ann });
    await consumer.attach(new AbortController().signal);
    const talk = async (): Promise<{ over: Promise<void>; socket: Duplex }> => {
      const [socket, other] = duplexPair();
      const over = connectDuplex(consumer, { service: 'box' }, other);
      over.catch(() => {});
      socket.write('ping');
      await Promise.race([once(socket, 'data'), over]);
      return { over, socket };
    };
    const first = await talk();
    await talk();
    await assert.rejects(talk(), {
      code: 'LIMIT_REACHED',
      message: /service "box": its limit is 2 streams/,
    });
    first.socket.end();
    await first.over;
    await until('there is room again', () =>
      talk().then(
        () => true,
        () => false,
      ),
    );
  });

  test('requests under way are streams; connections that rest between requests are not', async (t) => {
    const { server } = await compose(t, { services: [{ name: 'slow', limits: { streams: 2 } }] });
    const { port } = server.address;
    for (let n = 0; n < 5; n++) {
      const socket = net.connect(port, '127.0.0.1');
      t.after(() => socket.destroy());
      socket.write('GET /whoami HTTP/1.1\r\nHost: slow.localhost\r\n\r\n');
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      assert.match(bytes.toString(), /^HTTP\/1\.1 200 /, `connection ${n}`);
    }
    const pending = [1, 2].map(() => open({ port, host: 'slow.localhost', path: '/events' }));
    const answers = await Promise.all(pending);
    const { status, headers } = await get(server, 'slow');
    assert.deepEqual([status, headers['sallyport-error']], [429, 'LIMIT_REACHED']);
    for (const answer of answers) answer.destroy();
    await until('there is room again', async () => (await get(server, 'slow')).status === 200);
  });
});

describe('bytes', () => {
  test('a service keeps its rate, its streams share it, and others are as fast as before', async (t) => {
    const { server } = await compose(t, { services: [{ name: 'slow', limits: { down: 2 * MB } }] });
    const sample = async (): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < 60; n++) times.push((await get(server, 'free')).ms);
      return percentile(times, 0.5);
    };
    await sample();
    const before = await sample();
    const began = performance.now();
    const downloads = [1, 2, 3].map(async () => {
      const { body } = await get(server, 'slow', `/noise/${MB}`);
      assert.equal(body.length, MB);
      return performance.now() - began;
    });
    const during = await sample();
    const took = await Promise.all(downloads);
    // 3 MB at 2 MB/s, after half a megabyte at once.
    assert.ok(Math.min(...took) > 900, `the first was done after ${took.join(', ')} ms`);
    assert.ok(Math.max(...took) < 5_000, `the last was done after ${took.join(', ')} ms`);
    assert.ok(Math.max(...took) < 1.5 * Math.min(...took), `equal shares: ${took.join(', ')}`);
    assert.ok(during < 4 * before + 50, `${before} ms before, ${during} ms during`);
  });

  test('the rate of an identity holds for what its agents serve, and for uploads', async (t) => {
    const { server } = await compose(t, { ofBob: { up: MB } });
    const began = performance.now();
    const { status } = await ask({
      port: server.address.port,
      host: 'free.localhost',
      path: '/digest',
      method: 'POST',
      body: Buffer.alloc(1.5 * MB),
    });
    const took = performance.now() - began;
    assert.equal(status, 200);
    assert.ok(took > 1_000 && took < 6_000, `${took} ms for 1.25 s of bytes`);
  });

  test('a rate that is changed holds for streams that are open', async (t) => {
    const identities = [{ name: 'bob', token: tokens.bob, ...allScopes }];
    const slow = (down: number) => [{ name: 'slow', limits: { down } }];
    const { server } = await compose(t, { identities, services: slow(10_000) });
    const download = get(server, 'slow', `/noise/${MB}`);
    await pause(100);
    assert.deepEqual(server.reload({ identities, services: slow(100 * MB) }), ['services']);
    const { ms } = await download;
    assert.ok(ms < 5_000, `${ms} ms, not the 100 s of the first rate`);
  });
});

describe('sessions, names and connections', () => {
  test('an identity attaches so many; whoever comes back is no further one', async (t) => {
    const { server, agent } = await compose(t, { limits: { connections: 1 } });
    const late = runAgent(t, server.address, [], { token: tokens.bob });
    await until('the second is refused', () => late.losses.includes('LIMIT_REACHED'));
    const other = runAgent(t, server.address, [], { token: tokens.ann });
    await other.ready();
    assert.deepEqual(agent.losses, []);
    await agent.stop();
    await late.ready();
  });

  test('an identity registers so many names', async (t) => {
    const { server, agent } = await compose(t, { ofBob: { names: 3 } });
    const echo = await startEcho(t);
    const greedy = runAgent(t, server.address, [service('more', echo.address)], {
      token: tokens.bob,
    });
    await until('it is refused', () => greedy.losses.includes('LIMIT_REACHED'));
    await greedy.stop();
    await agent.stop();
    const next = runAgent(t, server.address, [service('more', echo.address)], {
      token: tokens.bob,
    });
    await next.ready();
  });

  test('beyond max_connections new ones are reset, and the server goes on', async (t) => {
    const { server } = await compose(t, { maxConnections: 4 });
    const { port } = server.address;
    const sockets = Array.from({ length: 10 }, () => {
      const socket = net.connect(port, '127.0.0.1').on('error', () => {});
      t.after(() => socket.destroy());
      return socket;
    });
    await until('seven are gone', () => sockets.filter(({ closed }) => closed).length === 7);
    for (const socket of sockets) socket.destroy();
    const served = (): Promise<boolean> =>
      get(server, 'free').then(
        ({ status }) => status === 200,
        () => false,
      );
    await until('there is room again', served);
  });
});
