/** Agents of WStunnel that go and come, and what becomes of requests meanwhile. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { until } from '../support/wait.ts';
import { byToken, ok, playAgent } from '../support/wstunnel-agent.ts';
import { startWstunnel, statsOf } from '../support/wstunnel-dialect.ts';

test('a request waits for an agent that is away', async (t) => {
  const server = await startWstunnel(t);
  const first = await playAgent(t, server);
  first.socket.terminate();
  await first.closed;
  const waiting = ask({ ...server, headers: byToken });
  await playAgent(t, server, { answer: (asked) => asked.answer(ok('back')) });
  assert.equal((await waiting).text, 'back');
});

test('20 wait, and the 21st gets 504 at once', async (t) => {
  const server = await startWstunnel(t);
  const first = await playAgent(t, server);
  first.socket.terminate();
  await first.closed;
  await until('it has gone', async () => !/tun_addr/.test(await statsOf(server)));
  const all = Array.from({ length: 21 }, () => ask({ ...server, headers: byToken }));
  const { status, text } = await Promise.race(all);
  assert.deepEqual([status, text], [504, 'Too many requests in-flight, tunnel broken?\n']);
  assert.match(await statsOf(server), /tunnel00_req_pending=20\n[^]*\nreq_pending=20\n/);
  await playAgent(t, server, { answer: (asked) => asked.answer(ok('back')) });
  const answered = (await Promise.all(all)).filter((one) => one.text === 'back');
  assert.equal(answered.length, 20);
});

test('an agent that does not come back in time: 504', async (t) => {
  const server = await startWstunnel(t, { waitMs: 300 });
  const first = await playAgent(t, server);
  first.socket.terminate();
  await first.closed;
  await until('it has gone', async () => !/tun_addr/.test(await statsOf(server)));
  const { status, text } = await ask({ ...server, headers: byToken });
  assert.deepEqual([status, text], [504, 'Timeout before forwarding the request\n']);
});

test('a tunnel that dies: a GET goes to the next one, a POST fails at once', async (t) => {
  const server = await startWstunnel(t);
  const first = await playAgent(t, server);
  const get = ask({ ...server, path: '/get', headers: byToken });
  const post = ask({ ...server, path: '/post', method: 'POST', headers: byToken, body: 'x' });
  await first.request(1);
  const second = await playAgent(t, server, { answer: (asked) => asked.answer(ok('second')) });
  first.socket.terminate();
  assert.equal((await get).text, 'second');
  const { status, ms } = await post;
  assert.equal(status, 502);
  assert.ok(ms < 5_000);
  assert.deepEqual(
    second.asked.map(({ text }) => text.split(' ')[0]),
    ['GET'],
  );
});

test('several agents with one token share its requests', async (t) => {
  const server = await startWstunnel(t);
  const agents = [await playAgent(t, server), await playAgent(t, server)];
  const asks = [0, 1, 2, 3].map(() => ask({ ...server, headers: byToken }));
  await Promise.all(agents.map((agent) => agent.request(1)));
  for (const { asked } of agents) asked.forEach((one) => one.answer(ok('x')));
  await Promise.all(asks);
});

test('an agent that is silent is let go', async (t) => {
  const server = await startWstunnel(t, { silenceMs: 400 });
  const agent = await playAgent(t, server);
  agent.socket.pause();
  await until('it has gone', async () => !/tun_addr/.test(await statsOf(server)));
});

test('no answer in time: 504', async (t) => {
  const server = await startWstunnel(t, {}, { responseTimeoutMs: 300 });
  const agent = await playAgent(t, server);
  const { status, text, headers } = await ask({ ...server, headers: byToken });
  assert.deepEqual([status, text], [504, 'Tunnel timeout\n']);
  assert.equal(headers['sallyport-error'], 'RESPONSE_TIMEOUT');
  (await agent.request(0)).answer(ok('too late'));
  const next = ask({ ...server, headers: byToken });
  const second = await agent.request(1);
  assert.equal(second.id, '0002');
  second.answer(ok('in time'));
  assert.equal((await next).text, 'in time');
});

test('ids go round, and none that is waited for is given again', async (t) => {
  const server = await startWstunnel(t);
  const agent = await playAgent(t, server, {
    answer(asked) {
      if (asked.id !== '0001') asked.answer('HTTP/1.1 204 No Content\r\n\r\n');
    },
  });
  const kept = ask({ ...server, headers: byToken, timeout: 120_000 });
  await agent.request(0);
  const pool = new Agent({ keepAlive: true, maxSockets: 8 });
  t.after(() => pool.destroy());
  let left = 32_001;
  const work = async (): Promise<void> => {
    while (left-- > 0) await ask({ ...server, headers: byToken, agent: pool });
  };
  await Promise.all(Array.from({ length: 8 }, work));
  const ids = agent.asked.map(({ id }) => id);
  assert.equal(ids.length, 32_002);
  assert.ok(ids.includes('7cff') && ids.includes('0000'));
  assert.equal(ids.filter((id) => id === '0001').length, 1);
  agent.asked[0].answer(ok('kept'));
  assert.equal((await kept).text, 'kept');
});
