/** Groups of reverst as services of a server: routes, turns, reloads, and native agents beside clients. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { createDenyPolicy } from '../../src/access/policy/grant.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { composeConsumer, runAgent, service } from '../support/composition.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { openGroup } from '../support/reverst-groups.ts';
import { composeReverst, groupsFile, type ReverstStage } from '../support/reverst-stage.ts';
import { until } from '../support/wait.ts';

const basic = `  flipt.dev.local:
    hosts: [flipt.dev.local]
    authentication: { type: basic, username: user, password: pass }
`;
const userPass = `Basic ${Buffer.from('user:pass').toString('base64')}`;

const refused = (code: ErrorCode) => ({ code });

async function bodies({ server }: ReverstStage, host: string, times: number): Promise<string[]> {
  const found: string[] = [];
  const { port } = server.address;
  for (let n = 0; n < times; n++) {
    const { status, text } = await ask({ port, host });
    found.push(status === 200 ? text : String(status));
  }
  return found;
}

test('a group without clients is known and absent; its clients take turns', async (t) => {
  const stage = await composeReverst(t, groupsFile(openGroup('g', 'a.test', 'b.test')));
  assert.deepEqual(await bodies(stage, 'a.test', 1), ['503']);
  await stage.join('one', 'g');
  await stage.join('two', 'g');
  const turns = await bodies(stage, 'a.test', 4);
  assert.ok(['one two one two', 'two one two one'].includes(turns.join(' ')), turns.join(' '));
  assert.equal((await bodies(stage, 'B.test:8181', 1)).length, 1);
  assert.deepEqual(await bodies(stage, 'c.test', 1), ['404']);
});

test('a client that left, or goes away, gets no request any more', async (t) => {
  const stage = await composeReverst(t, groupsFile(openGroup('g', 'a.test')));
  const types: string[] = [];
  stage.server.events.listen(({ type }) => types.push(type));
  const one = await stage.join('one', 'g');
  const two = await stage.join('two', 'g');
  await stage.join('three', 'g');
  one.leave();
  two.goAway();
  await until('both are out', () => types.filter((type) => type === 'service.down').length === 2);
  assert.deepEqual(await bodies(stage, 'a.test', 3), ['three', 'three', 'three']);
  two.leave();
  await until('both are gone', () => types.filter((type) => type === 'client.down').length === 2);
  assert.equal(types.filter((type) => type === 'service.down').length, 2);
});

test('who may register: each way to authenticate, and nobody else', async (t) => {
  const token = 'ab'.repeat(32);
  const stage = await composeReverst(
    t,
    groupsFile(
      basic,
      `  bearer:
    hosts: [bearer.test]
    authentication: { bearer: { token: some-token }, basic: { scheme: Own, username: u, password: p } }
  hashed:
    hosts: [hashed.test]
    authentication:
      hashedToken: 550643f45e135491c47bea94823b37278d5dd91375b285d44001d005d1603a33
      type: bearer
  path:
    hosts: [path.test]
    authentication: { bearer: { tokenPath: token } }
`,
    ),
  );
  fs.writeFileSync(path.join(stage.folder, 'token'), token);
  const { join } = stage;
  await join('x', 'flipt.dev.local', userPass);
  await join('x', 'flipt.dev.local', userPass.replace('Basic', 'bAsIc'));
  await join('x', 'bearer', 'Bearer some-token');
  await join('x', 'hashed', 'Bearer hashed-token');
  await join('x', 'bearer', `Own ${Buffer.from('u:p').toString('base64')}`);
  await assert.rejects(join('x', 'flipt.dev.local'), refused('AUTH_REQUIRED'));
  await assert.rejects(join('x', 'nobody', userPass), refused('SERVICE_UNKNOWN'));
  const wrong: [string, string][] = [
    ['flipt.dev.local', `Basic ${Buffer.from('user:pasS').toString('base64')}`],
    ['flipt.dev.local', 'Bearer some-token'],
    ['bearer', 'Bearer some-token2'],
    ['bearer', `Basic ${Buffer.from('u:p').toString('base64')}`],
    ['hashed', 'Bearer wrong'],
    ['bearer', 'Bearer  '],
    ['bearer', 'Bearer some-token\r\nX: y'],
  ];
  for (const [group, authorization] of wrong) {
    await assert.rejects(join('x', group, authorization), refused('AUTH_FAILED'), authorization);
    await join('x', 'bearer', 'Bearer some-token'); // forgets the guesses
  }
  await until('the token has been read', () =>
    join('x', 'path', `Bearer ${token}`).then(
      () => true,
      () => false,
    ),
  );
});

test('guesses: whoever has shown too many wrong credentials waits', async (t) => {
  const { join } = await composeReverst(t, groupsFile(basic));
  let code: unknown = '';
  for (let n = 0; n < 12 && code !== 'TOO_MANY_GUESSES'; n++)
    code = await join('x', 'flipt.dev.local', `Basic ${n}`).catch(
      (error: { code: string }) => error.code,
    );
  assert.equal(code, 'TOO_MANY_GUESSES');
  await assert.rejects(join('x', 'flipt.dev.local', userPass), refused('TOO_MANY_GUESSES'));
});

test('a host that is dropped leads nowhere, also while its group stays', async (t) => {
  const stage = await composeReverst(t, groupsFile(openGroup('g', 'a.test', 'b.test')));
  const member = await stage.join('one', 'g');
  assert.deepEqual(await bodies(stage, 'b.test', 1), ['one']);
  stage.write(groupsFile(openGroup('g', 'a.test')));
  await until('it leads nowhere', async () => (await bodies(stage, 'b.test', 1))[0] === '404');
  assert.deepEqual(await bodies(stage, 'a.test', 1), ['one']);
  assert.equal(member.ended, undefined);
});

test('a group that is dropped ends its clients; a host may move to another', async (t) => {
  const stage = await composeReverst(
    t,
    groupsFile(openGroup('g', 'a.test'), openGroup('h', 'b.test')),
  );
  const member = await stage.join('one', 'g');
  await stage.join('two', 'h');
  stage.write(groupsFile(openGroup('h', 'b.test', 'a.test')));
  await until('it is ended', () => member.ended !== undefined);
  assert.equal(member.ended?.code, 'SERVICE_UNKNOWN');
  assert.deepEqual(await bodies(stage, 'a.test', 1), ['two']);
  await assert.rejects(stage.join('one', 'g'), refused('SERVICE_UNKNOWN'));
});

test('a file that cannot be used changes nothing', async (t) => {
  const told: string[] = [];
  const sink = { write: (line: string) => void told.push(line), flush() {}, dropped() {} };
  const log = createLogger({ level: 'error', format: 'json', sinks: [sink] });
  const stage = await composeReverst(t, groupsFile(openGroup('g', 'a.test')), { log });
  await stage.join('one', 'g');
  stage.write('groups:\n  g:\n    hosts: [a.test]\n');
  await until('it is told', () => told.length > 0);
  assert.match(told[0], /groups\.yml:\d+:\d+: groups\.g\.authentication: is missing/);
  stage.write(groupsFile(openGroup('g', 'a.test'), openGroup('h', 'b.test')));
  await until('the good one is taken', async () => (await bodies(stage, 'b.test', 1))[0] === '503');
  assert.deepEqual(await bodies(stage, 'a.test', 1), ['one']);
});

test('credentials that are good no more end who came with them', async (t) => {
  const stage = await composeReverst(t, groupsFile(basic, openGroup('g', 'a.test')));
  const member = await stage.join('one', 'flipt.dev.local', userPass);
  const other = await stage.join('two', 'g');
  stage.write(groupsFile(basic.replace('pass }', 'changed }'), openGroup('g', 'a.test')));
  await until('it is ended', () => member.ended !== undefined);
  assert.equal(member.ended?.code, 'AUTH_FAILED');
  assert.equal(other.ended, undefined);
  await assert.rejects(stage.join('x', 'flipt.dev.local', userPass), refused('AUTH_FAILED'));
});

test('the policy is asked about clients that register', async (t) => {
  const policy = createDenyPolicy('a test');
  const { join } = await composeReverst(t, groupsFile(openGroup('g', 'a.test')), { policy });
  await assert.rejects(join('x', 'g'), refused('DENIED'));
});

async function nativeAgent(t: TestContext, stage: ReverstStage) {
  const origin = await startOrigin(t);
  const agent = runAgent(t, stage.server.address, [
    service('g', `127.0.0.1:${origin.port}`, { kind: 'http' }),
  ]);
  await agent.ready();
  return { agent, origin };
}

test('a native agent shares the requests of a group', async (t) => {
  const stage = await composeReverst(t, groupsFile(openGroup('g', 'a.test')));
  await stage.join('one', 'g');
  await nativeAgent(t, stage);
  const found = await bodies(stage, 'a.test', 4);
  assert.equal(found.filter((body) => body === 'one').length, 2, found.join(' '));
});

test('upgrades and streams of bytes go to native agents only', async (t) => {
  const stage = await composeReverst(t, groupsFile(openGroup('g', 'a.test')));
  await stage.join('one', 'g');
  const { port } = stage.server.address;
  const upgrade = async (): Promise<number | string> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host: 'a.test' } });
    const refusal = once(socket, 'unexpected-response').then(
      ([, response]: { statusCode: number }[]) => response.statusCode,
    );
    socket.on('error', () => {});
    const first = await Promise.race([refusal, once(socket, 'open')]);
    if (typeof first === 'number') return first;
    socket.send('there and back');
    const [message] = (await once(socket, 'message')) as [Buffer];
    socket.terminate();
    return message.toString();
  };
  assert.equal(await upgrade(), 501);
  const { agent } = await nativeAgent(t, stage);
  for (let n = 0; n < 4; n++) assert.equal(await upgrade(), 'there and back');
  const consumer = composeConsumer(t, stage.server.address);
  await consumer.attach(new AbortController().signal);
  for (let n = 0; n < 4; n++) {
    let text = '';
    const stream = consumer.open(
      { service: 'g' },
      {
        data: (slab, start, end) => (text += slab.bytes.toString('latin1', start, end)),
        finished() {},
        reset: (error) => (text += error.message),
        drained() {},
      },
    );
    stream.send(Buffer.from('GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
    await until('it is answered', () => text.includes('\r\n\r\n') || text.includes('service'));
    assert.match(text, /^HTTP\/1.1 200/);
  }
  await agent.stop();
  assert.deepEqual(await bodies(stage, 'a.test', 2), ['one', 'one']);
});

test('alone, it says to unknown hosts and empty groups what the original says', async (t) => {
  const stage = await composeReverst(
    t,
    groupsFile(openGroup('g', 'localhost')),
    { domain: 'server.invalid' },
    { alone: true },
  );
  const { port } = stage.server.address;
  for (const asked of ['/', '/healthz', '/api/v1/services']) {
    const { status, text, headers } = await ask({ port, host: 'b.test', path: asked });
    assert.deepEqual([status, text], [502, 'bad gateway\n'], asked);
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
  }
  assert.equal((await ask({ port, host: 'localhost' })).status, 502);
  await stage.join('one', 'g');
  assert.equal((await ask({ port, host: 'localhost' })).text, 'one');
});
