import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test, type TestContext } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { ask, type Reply } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { startEcho } from '../support/tcp-targets.ts';
import {
  readRegistered,
  startClient,
  startServer,
  startService,
  testToken,
  type Server,
} from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const guest = 'sp_token-of-a-guest-in-the-control-tests';

interface Listed {
  seq: number;
  total: number;
  items: Record<string, unknown>[];
}

function control(
  { port }: { port: number },
  method: string,
  path: string,
  token = testToken,
): Promise<Reply> {
  return ask({ port, method, path, headers: { authorization: `Bearer ${token}` } });
}

async function list(server: { port: number }, what: string): Promise<Listed> {
  const reply = await control(server, 'GET', `/api/v1/${what}`);
  assert.equal(reply.status, 200, reply.text);
  return JSON.parse(reply.text) as Listed;
}

async function post(server: { port: number }, path: string): Promise<Record<string, unknown>> {
  const reply = await control(server, 'POST', `/api/v1/${path}`);
  assert.equal(reply.status, 200, reply.text);
  return JSON.parse(reply.text) as Record<string, unknown>;
}

/** A server whose file has an admin and a guest, who may register and use services. */
async function startControlled(t: TestContext, flags: readonly string[] = []) {
  const text = `identities:
  - { name: root, token: ${testToken}, roles: [admin, agent, consumer], names: ['*'] }
  - { name: guest, token: ${guest}, roles: [agent, consumer], names: ['*'] }
`;
  const file = temporaryFile(t, 'server.yaml', text);
  const server = await startServer(t, ['--config', file, ...flags], {
    env: { SALLYPORT_TOKEN: undefined },
  });
  return { server, file, text };
}

const asGuest = { env: { SALLYPORT_TOKEN: guest } };

/** A `connect` to an echo, whose stream stands. */
async function connectEcho(t: TestContext, server: Server, name: string) {
  const consumer = startClient(t, server, ['connect', name], { ...asGuest, raw: true });
  consumer.stdin.write('x');
  for await (const _ of consumer.stdout.iterator({ destroyOnReturn: false })) break;
  return consumer;
}

test('lists show who is attached, what they serve, where, and for whom', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  const origin = await startOrigin(t);
  await startService(t, server, ['http', origin.address, '--name', 'web'], asGuest);
  await startService(t, server, ['tcp', echo.address, '--name', 'box'], asGuest);
  await connectEcho(t, server, 'box');

  const agents = await list(server, 'agents');
  assert.deepEqual(
    agents.items.map(({ identity, services }) => [identity, services]),
    [
      ['guest', ['web']],
      ['guest', ['box']],
    ],
  );
  const [, box] = agents.items;
  assert.equal((await list(server, 'consumers')).total, 1);
  const { items: services } = await list(server, 'services?service=b*');
  assert.deepEqual(
    services.map(({ service, present, upstreams }) => [service, present, upstreams]),
    [['box', true, [{ session: box['session'], streams: 1 }]]],
  );
  const { items: routes } = await list(server, 'routes');
  assert.deepEqual(
    routes.map(({ by, host, service }) => [by, host, service]),
    [['host', 'web.localhost', 'web']],
  );
  const { items: streams } = await list(server, 'streams');
  assert.deepEqual(
    streams.map(({ service, identity, session }) => [service, identity, session]),
    [['box', 'guest', box['session']]],
  );
  assert.ok(Number(streams[0]['bytesDown']) > 0);
  const { items: identities } = await list(server, 'identities');
  assert.deepEqual(
    identities.map(({ identity, sessions, streams: open }) => [identity, sessions, open]),
    [
      ['root', 0, 0],
      ['guest', 3, 1],
    ],
  );
  const status = JSON.parse((await control(server, 'GET', '/api/v1/status')).text) as object;
  assert.ok('agents' in status && status.agents === 2);
  const metrics = await control(server, 'GET', '/metrics');
  assert.match(metrics.text, /^sallyport_clients\{role="agent",protocol="sallyport"\} 2$/m);
});

test('a list and the events after its number leave nothing out and tell nothing twice', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  const known = new Map<unknown, number>();
  const note = (service: unknown): void => void known.set(service, (known.get(service) ?? 0) + 1);
  const starting = Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      startService(t, server, ['tcp', echo.address, '--name', name], asGuest),
    ),
  );
  await until('some have come', async () => (await list(server, 'services')).total > 0);
  const { seq, items } = await list(server, 'services');
  for (const { service } of items) note(service);
  await starting;
  const { items: recent } = await list(server, 'events/recent?type=service.up&limit=1000');
  for (const event of recent) if (Number(event['seq']) > seq) note(event['service']);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => known.get(name)),
    [1, 1, 1, 1],
  );
});

test('an agent is kicked: it is told, ends, and does not come back', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  const { program } = await startService(
    t,
    server,
    ['tcp', echo.address, '--name', 'box'],
    asGuest,
  );
  const [agent] = (await list(server, 'agents')).items;
  const ended = await post(server, `agents/${String(agent['session'])}/kick`);
  assert.deepEqual([ended['sessions'], ended['services']], [1, 1]);
  assert.equal((await program.ended()).code, 3);
  assert.match(program.err(), /KICKED[^\n]*ended by an operator/);
  await until('nobody is attached', async () => (await list(server, 'agents')).total === 0);
});

test('a stream is kicked, and others go on', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  await startService(t, server, ['tcp', echo.address, '--name', 'box'], asGuest);
  const one = await connectEcho(t, server, 'box');
  const other = await connectEcho(t, server, 'box');
  const { items } = await list(server, 'streams');
  assert.equal(items.length, 2);
  await post(server, `streams/${String(items[0]['stream'])}/kick`);
  assert.equal((await one.ended()).code, 1);
  assert.match(one.err(), /STREAM_RESET/);
  assert.equal((await list(server, 'streams')).total, 1);
  other.stdin.end('y');
  assert.equal((await other.ended()).code, 0, other.err());
});

test('a service is kicked: its agent keeps the others, and ends with its last', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  const service = (name: string): string => `  - { name: ${name}, tcp: '${echo.address}' }\n`;
  const file = temporaryFile(t, 'agent.yaml', `services:\n${service('one')}${service('two')}`);
  const agent = startClient(t, server, ['agent', '--config', file, '--json'], asGuest);
  await agent.line((line) => readRegistered(line, 'two'));
  await until('both are there', async () => (await list(server, 'services')).total === 2);
  const consumer = await connectEcho(t, server, 'one');
  const ended = await post(server, 'services/one/kick');
  assert.deepEqual([ended['sessions'], ended['services'], ended['streams']], [0, 1, 1]);
  assert.equal((await consumer.ended()).code, 1);
  const { items } = await list(server, 'services');
  assert.deepEqual(
    items.map(({ service: name }) => name),
    ['two'],
  );
  assert.equal((await list(server, 'agents')).total, 1);
  await post(server, 'services/two/kick');
  assert.equal((await agent.ended()).code, 3);
});

test('an identity is revoked: all it has ends within a second, until it is restored', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  const words = ['tcp', echo.address, '--name', 'box'];
  const agent = await startService(t, server, words, asGuest);
  const consumer = await connectEcho(t, server, 'box');
  const began = performance.now();
  const ended = await post(server, 'identities/guest/revoke');
  assert.deepEqual([ended['sessions'], ended['streams']], [2, 1]);
  const exits = await Promise.all([agent.program.ended(), consumer.ended()]);
  const took = performance.now() - began;
  // The second that is promised, and what two processes need to end on a busy machine.
  assert.ok(took < 3_000, `${took} ms`);
  assert.equal(exits[0].code, 3);
  assert.notEqual(exits[1].code, 0);
  const refused = startClient(t, server, words, asGuest);
  assert.equal((await refused.ended()).code, 3);
  assert.match(refused.err(), /AUTH_FAILED/);
  const { items } = await list(server, 'identities?identity=guest');
  assert.equal(items[0]['revoked'], true);
  await post(server, 'identities/guest/restore');
  await startService(t, server, words, asGuest);
});

test('an admin can revoke himself, and reads that it was done', async (t) => {
  const { server } = await startControlled(t);
  await post(server, 'identities/root/revoke');
  assert.equal((await control(server, 'GET', '/api/v1/status')).status, 401);
});

test('a drained server takes nothing new, lets running work go on, and can still be asked', async (t) => {
  const { server } = await startControlled(t);
  const echo = await startEcho(t);
  const words = ['tcp', echo.address, '--name', 'box'];
  await startService(t, server, words, asGuest);
  const consumer = await connectEcho(t, server, 'box');
  assert.equal((await post(server, 'drain'))['draining'], true);
  assert.equal((await ask({ port: server.port, path: '/readyz' })).status, 503);
  const late = startClient(t, server, ['connect', 'box'], asGuest);
  assert.equal((await late.ended()).code, 5);
  assert.match(late.err(), /SERVER_DRAINING/);
  consumer.stdin.end('still');
  assert.equal((await consumer.ended()).code, 0, consumer.err());
  assert.equal((await post(server, 'drain'))['draining'], true, 'twice does no harm');
  const { items } = await list(server, 'events/recent?type=server.draining');
  assert.equal(items.length, 1);
  assert.equal((await server.program.end()).code, 0);
});

test('the configuration is shown without secrets, and read again when asked', async (t) => {
  const { server, file, text } = await startControlled(t);
  const shown = await control(server, 'GET', '/api/v1/config');
  assert.match(shown.text, /"name":"guest","token":"\*\*\*"/);
  assert.ok(!shown.text.includes(guest) && !shown.text.includes(testToken));
  assert.deepEqual(
    await post(server, 'reload').then(({ changed, restart }) => [changed, restart]),
    [[], []],
  );
  fs.writeFileSync(file, `${text}tokn: x\n`);
  const refused = await control(server, 'POST', '/api/v1/reload');
  assert.equal(refused.status, 400);
  assert.match(refused.text, /server\.yaml:4:1: tokn/);
  const status = await control(server, 'GET', '/api/v1/status');
  assert.match(status.text, /"configProblems":\["[^"]*tokn/);
});

test('an address of its own: control is there, and nowhere else', async (t) => {
  const { server } = await startControlled(t, ['--control-listen', '127.0.0.1:0']);
  const own = await server.program.line((line) => {
    const { control: address } = JSON.parse(line) as { control?: string };
    return address;
  });
  const port = Number(own.slice(own.lastIndexOf(':') + 1));
  assert.equal((await control({ port }, 'GET', '/api/v1/status')).status, 200);
  assert.equal((await control({ port }, 'GET', '/metrics')).status, 200);
  assert.equal((await control({ port }, 'GET', '/healthz')).status, 404);
  for (const path of ['/api/v1/status', '/metrics'])
    assert.equal((await control(server, 'GET', path)).status, 404);
  const attach = startClient(t, { port }, ['connect', 'box']);
  assert.equal((await attach.ended()).code, 6, 'nobody attaches there');
});

test('who is no admin is refused', async (t) => {
  const { server } = await startControlled(t);
  for (const [method, path] of [
    ['GET', '/api/v1/status'],
    ['GET', '/api/v1/events'],
    ['GET', '/metrics'],
    ['POST', '/api/v1/drain'],
  ]) {
    const reply = await control(server, method, path, guest);
    assert.equal(reply.status, 403, path);
  }
});
