/** Agents that leave while consumers rest on connections, and while they do not. */
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import { serve } from '../../src/index.ts';
import { composeServer, runAgent, service } from '../support/composition.ts';
import { startForwarder } from '../support/forwarder.ts';
import { ask, type Question } from '../support/http-client.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { runLoad } from '../support/load.ts';
import { openQuicRoad } from '../support/quic-road.ts';
import {
  startServer,
  startService,
  testToken,
  type Server,
  type Service,
} from '../support/tunnel.ts';
import { within } from '../support/wait.ts';

const host = 'web.localhost';
/** Much less than the grace of 30 s, and enough for a machine that is busy. */
const AT_ONCE_MS = 10_000;
const grace = { drainGraceMs: 30_000 };

/** A client with one connection, which stays open. `ca`: it speaks HTTPS. */
function keepConnection(t: TestContext, port: number, ca?: string) {
  const setting = { keepAlive: true, maxSockets: 1 };
  const agent =
    ca === undefined
      ? new http.Agent(setting)
      : new https.Agent({ ...setting, servername: 'localhost' });
  t.after(() => agent.destroy());
  let connections = 0;
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...given) => {
    connections++;
    return connect(...given);
  };
  return {
    ask: (question: Partial<Question> = {}) =>
      ask({ port, host, path: '/whoami', agent, ...(ca && { ca }), ...question }),
    connections: () => connections,
  };
}

interface Stage {
  readonly server: Server;
  readonly origins: readonly Origin[];
  readonly agents: readonly Service[];
}

async function stage(t: TestContext, names: readonly string[]): Promise<Stage> {
  const server = await startServer(t);
  const origins: Origin[] = [];
  const agents: Service[] = [];
  for (const name of names) {
    const origin = await startOrigin(t, { name });
    origins.push(origin);
    agents.push(await startService(t, server, ['http', origin.address, '--name', 'web']));
  }
  return { server, origins, agents };
}

describe('a consumer that rests on its connection does not hold up', () => {
  test('the last agent, and then reads 503 on it', async (t) => {
    const { server, origins, agents } = await stage(t, ['one']);
    const client = keepConnection(t, server.port);
    assert.equal((await client.ask()).text, 'one');
    assert.equal(origins[0].open.size, 1, 'the connection to the target rests, too');
    const exit = await within(AT_ONCE_MS, agents[0].program.end('SIGTERM'), 'its end');
    assert.deepEqual(exit, { code: 0, signal: null });
    const reply = await client.ask();
    assert.deepEqual(
      [reply.status, reply.headers['sallyport-error']],
      [503, 'SERVICE_ABSENT'],
      reply.text,
    );
    assert.equal(client.connections(), 1);
  });

  test('one of two agents, and is served by the other one', async (t) => {
    const { server, agents } = await stage(t, ['one', 'two']);
    const client = keepConnection(t, server.port);
    const { text: first } = await client.ask();
    assert.equal((await client.ask()).text, first, 'a connection stays with its agent');
    const [leaving] = first === 'one' ? agents : agents.toReversed();
    const exit = await within(AT_ONCE_MS, leaving.program.end('SIGTERM'), 'its end');
    assert.equal(exit.code, 0);
    const reply = await client.ask({ method: 'POST', body: 'x' });
    assert.equal(reply.text, first === 'one' ? 'two' : 'one');
    assert.equal(client.connections(), 1);
  });

  test('an agent whose service has a rate of bytes', async (t) => {
    const limited = [{ name: 'web', limits: { up: 1e6, down: 1e6 } }];
    const server = await composeServer(t, { services: limited });
    const origin = await startOrigin(t, { name: 'one' });
    const offered = [service('web', origin.address, { kind: 'http' })];
    const agent = runAgent(t, server.address, offered, grace);
    await agent.ready();
    const client = keepConnection(t, server.address.port);
    assert.equal((await client.ask()).text, 'one');
    await within(AT_ONCE_MS, agent.stop(), 'its end');
    assert.equal((await client.ask()).status, 503);
    assert.equal(client.connections(), 1);
  });

  test('an agent that came by QUIC', async (t) => {
    const road = await openQuicRoad(t);
    const origin = await startOrigin(t, { name: 'one' });
    const offered = [service('web', origin.address, { kind: 'http' })];
    const agent = road.agent('quic', offered, grace);
    await agent.ready();
    const client = keepConnection(t, road.server.address.port, road.ca);
    assert.equal((await client.ask()).text, 'one');
    await within(AT_ONCE_MS, agent.stop(), 'its end');
    assert.equal((await client.ask()).status, 503);
    assert.equal(client.connections(), 1);
  });

  test('a fetch handler', async (t) => {
    const server = await startServer(t);
    const served = await serve({
      server: `ws://127.0.0.1:${server.port}`,
      token: testToken,
      name: 'web',
      fetch: () => new Response('one'),
      ...grace,
    });
    t.after(() => served.close());
    const client = keepConnection(t, server.port);
    assert.equal((await client.ask()).text, 'one');
    await within(AT_ONCE_MS, served.close(), 'its end');
    assert.equal((await client.ask()).status, 503);
  });

  test('the server', async (t) => {
    const { server } = await stage(t, ['one']);
    const client = keepConnection(t, server.port);
    assert.equal((await client.ask()).text, 'one');
    const exit = await within(AT_ONCE_MS, server.program.end('SIGTERM'), 'its end');
    assert.equal(exit.code, 0);
  });
});

test('a request under way is finished, and its connection is let go of then', async (t) => {
  const { server, agents } = await stage(t, ['one']);
  const client = keepConnection(t, server.port);
  assert.equal((await client.ask()).text, 'one');
  const slow = client.ask({ path: '/slow/1500', method: 'POST', body: 'x' });
  await pause(300);
  const ended = within(AT_ONCE_MS, agents[0].program.end('SIGTERM'), 'its end');
  assert.equal((await slow).text, 'late');
  assert.equal((await ended).code, 0);
  assert.equal((await client.ask()).status, 503);
  assert.equal(client.connections(), 1);
});

test('a request that was on its way when the agent left is served, POST too', async (t) => {
  const server = await composeServer(t);
  const road = await startForwarder(t, server.address.port);
  const origin = await startOrigin(t, { name: 'one' });
  const agent = runAgent(t, road, [service('web', origin.address, { kind: 'http' })], grace);
  await agent.ready();
  road.blackhole();
  const { port } = server.address;
  const opened = new Promise<void>((resolve) => {
    server.events.listen(({ type }) => type === 'stream.opened' && resolve());
  });
  const reply = ask({ port, host, path: '/whoami', method: 'POST', body: 'x' });
  await opened;
  const ended = agent.stop();
  road.heal();
  assert.equal((await reply).text, 'one');
  await ended;
});

test('200 requests a second over kept connections: one of two agents leaves, none is lost, and those that rest hold nothing up', async (t) => {
  const { server, origins, agents } = await stage(t, ['one', 'two']);
  const resting = Array.from({ length: 4 }, () => keepConnection(t, server.port));
  for (const client of resting) await client.ask();
  const load = runLoad({ port: server.port, host, path: '/slow/100', rate: 200, ms: 3_000 });
  await pause(1_200);
  const exit = await within(AT_ONCE_MS, agents[0].program.end('SIGTERM'), 'its end');
  assert.equal(exit.code, 0);
  const fates = await load;
  assert.ok(fates.length >= 100, `${fates.length} requests`);
  assert.deepEqual(
    fates.filter(({ status }) => status !== 200),
    [],
  );
  const posts = fates.filter(({ method }) => method === 'POST');
  const twice = posts.filter(
    ({ id }) => origins.reduce((sum, { ledger }) => sum + (ledger.get(id) ?? 0), 0) !== 1,
  );
  assert.deepEqual(twice, []);
  for (const client of resting) assert.equal((await client.ask()).text, 'two');
});
