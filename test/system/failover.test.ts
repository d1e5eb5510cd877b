import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { runLoad, type Fate } from '../support/load.ts';
import { startServer, startService, type Server, type Service } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const host = 'web.localhost';

interface Group {
  server: Server;
  agents: Service[];
  origins: Origin[];
}

async function startGroup(t: TestContext): Promise<Group> {
  const server = await startServer(t);
  const origins: Origin[] = [];
  const agents: Service[] = [];
  for (const name of ['one', 'two', 'three']) {
    const origin = await startOrigin(t, { name });
    origins.push(origin);
    agents.push(await startService(t, server, ['http', origin.address, '--name', 'web']));
  }
  return { server, agents, origins };
}

function executions(origins: readonly Origin[], id: string): number {
  return origins.reduce((sum, origin) => sum + (origin.ledger.get(id) ?? 0), 0);
}

/** What the delivery promise says of every request, whatever happened to the agents. */
function assertPromises(fates: readonly Fate[], origins: readonly Origin[]): void {
  const lies = fates.filter(({ id, status }) => status === 200 && executions(origins, id) === 0);
  assert.deepEqual(lies, [], 'a 200 means that it was executed');
  const doubled = fates.filter(
    ({ id, method }) => method === 'POST' && executions(origins, id) > 1,
  );
  assert.deepEqual(doubled, [], 'no POST runs twice');
  const silent = fates.filter(({ status }) => status === 0);
  assert.deepEqual(silent, [], 'every request is answered');
}

test('kill -9 of one of three agents: no GET fails, no POST runs twice, refusals come within 1 s', async (t) => {
  const { server, agents, origins } = await startGroup(t);
  const load = runLoad({ port: server.port, host, path: '/slow/100', rate: 200, ms: 3_000 });
  await pause(1_000);
  const killedAt = 1_000;
  await agents[1].program.end('SIGKILL');
  const fates = await load;
  assert.ok(fates.length >= 500, `${fates.length} requests`);
  assertPromises(fates, origins);
  const refused = fates.filter(({ status }) => status !== 200);
  assert.deepEqual(
    refused.filter(({ method }) => method === 'GET'),
    [],
    'no GET fails',
  );
  for (const { status, ms, at } of refused) {
    assert.ok(status === 502 || status === 503, `explicit: ${status}`);
    // Half a second beyond what is promised: processes start and end beside it.
    assert.ok(ms <= 1_500, `a refusal after ${ms} ms`);
    assert.ok(
      at >= killedAt - 500 && at <= killedAt + 1_000,
      `a refusal ${at - killedAt} ms after the kill`,
    );
  }
});

test('an agent stopped with SIGTERM finishes what it has and loses nothing', async (t) => {
  const { server, agents, origins } = await startGroup(t);
  const load = runLoad({ port: server.port, host, path: '/slow/200', rate: 100, ms: 2_000 });
  await pause(800);
  const post = { port: server.port, host, path: '/slow/500', method: 'POST', body: 'x' };
  const running = Array.from({ length: 6 }, () => ask(post));
  await pause(100);
  const exit = await agents[0].program.end('SIGTERM');
  assert.equal(exit.code, 0);
  for (const { status } of await Promise.all(running)) assert.equal(status, 200);
  const fates = await load;
  assertPromises(fates, origins);
  assert.deepEqual(
    fates.filter(({ status }) => status !== 200),
    [],
  );
});

test('a server stopped with SIGTERM finishes what it has and takes nothing new', async (t) => {
  const { server } = await startGroup(t);
  const { port, program } = server;
  const running = Array.from({ length: 20 }, () => ask({ port, host, path: '/slow/1000' }));
  await pause(300);
  const ended = program.end('SIGTERM');
  await until('no connection is accepted', () =>
    ask({ port, host }).then(
      ({ status }) => status === 503,
      () => true,
    ),
  );
  const replies = await Promise.all(running);
  assert.deepEqual(
    replies.map(({ status }) => status),
    replies.map(() => 200),
  );
  assert.equal((await ended).code, 0);
});

test('a restarted server has its agents back within 2 s and jitter', async (t) => {
  const { server, agents, origins } = await startGroup(t);
  const load = runLoad({ port: server.port, host, path: '/whoami', rate: 100, ms: 2_000 });
  await pause(500);
  await server.program.end('SIGKILL');
  await pause(500);
  await startServer(t, ['--listen', `127.0.0.1:${server.port}`]);
  const back = new Set<string>();
  const ms = await until('all three agents answer', async () => {
    const reply = await ask({ port: server.port, host, path: '/whoami' });
    if (reply.status === 200) back.add(reply.text);
    return back.size === agents.length;
  });
  assert.ok(ms <= 5_000, `the last agent was back after ${ms} ms`);
  const fates = await load;
  const doubled = fates.filter(
    ({ id, method }) => method === 'POST' && executions(origins, id) > 1,
  );
  assert.deepEqual(doubled, [], 'no POST was sent again');
});
