/** The addresses of the server as a service: native consumers, tokens, scopes, policies. */
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import type { Policy } from '../../src/access/policy/policy.ts';
import { connectDuplex } from '../../src/consumer/connect.ts';
import type { Consumer } from '../../src/consumer/consumer.ts';
import { openForward } from '../../src/consumer/forward.ts';
import { parseRule } from '../../src/consumer/rule.ts';
import { composeConsumer, noteStreams, runAgent, service } from '../support/composition.ts';
import { openRawTunnel, startSokkenClient, startSokkenServer } from '../support/sokken.ts';
import { converse, freePort, startEcho } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';

async function attach(t: TestContext, port: number, token?: string): Promise<Consumer> {
  const options = token === undefined ? {} : { token };
  const consumer = composeConsumer(t, { port }, options);
  await consumer.attach(new AbortController().signal);
  return consumer;
}

/** Says a word to the target and gives the answer; rejects with the refusal. */
async function say(consumer: Consumer, target?: string): Promise<string> {
  const [ours, theirs] = duplexPair();
  const wish = { service: 'direct', ...(target === undefined ? {} : { target }) };
  const running = connectDuplex(consumer, wish, theirs);
  running.catch(() => ours.destroy());
  ours.on('error', () => {}).end('hello');
  const [heard] = await Promise.all([text(ours).catch(() => ''), running]);
  return heard;
}

const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;

describe('a native consumer', () => {
  test('forwards a port to an address of the server', async (t) => {
    const echo = await startEcho(t);
    const { port } = await startSokkenServer(t, [echo.address]);
    const consumer = await attach(t, port);
    const forward = await openForward({
      consumer,
      rule: parseRule(`0:@${echo.address}`),
      accessLog: noteStreams([]),
    });
    t.after(() => forward.close());
    assert.equal(String(await converse(forward.address.port, 'hello')), 'hello');
  });

  test('has no other address, and none by itself', async (t) => {
    const echo = await startEcho(t);
    const dead = `127.0.0.1:${await freePort()}`;
    const { port } = await startSokkenServer(t, [echo.address, dead]);
    const consumer = await attach(t, port);
    assert.equal(await say(consumer, echo.address), 'hello');
    for (const [target, code] of [
      [`localhost:${echo.port}`, 'TARGET_DENIED'],
      ['169.254.169.254:80', 'TARGET_DENIED'],
      ['nonsense', 'USAGE'],
      [dead, 'TARGET_REFUSED'],
      [undefined, 'USAGE'],
    ] as const)
      await assert.rejects(say(consumer, target), { code }, target);
  });

  test('is held to its scopes and to the policy', async (t) => {
    const [one, two] = [await startEcho(t), await startEcho(t)];
    const token = 'sp_token-of-the-narrow-identity';
    const narrow = { name: 'narrow', token, roles: ['consumer'], names: ['direct'] } as const;
    const identities = [{ ...narrow, targets: [one.address] }];
    const server = await startSokkenServer(t, [one.address, two.address], {}, { identities });
    const consumer = await attach(t, server.port, token);
    assert.equal(await say(consumer, one.address), 'hello');
    await assert.rejects(say(consumer, two.address), { code: 'DENIED' });
  });

  test('an agent cannot take the name', async (t) => {
    const echo = await startEcho(t);
    const { port } = await startSokkenServer(t, [echo.address]);
    const agent = runAgent(t, { port }, [service('direct', '127.0.0.1:1')]);
    await assert.rejects(agent.running, { code: 'NAME_TAKEN' });
    assert.equal(await say(await attach(t, port), echo.address), 'hello');
  });
});

describe('where tokens are asked for', () => {
  const token = 'sp_token-of-the-sokken-clients';
  const identities = [
    { name: 'near', token, roles: ['consumer'], names: ['direct'], targets: ['127.0.0.1:*'] },
    { name: 'agents', token: `${token}-2`, roles: ['agent'], names: ['*'] },
  ] as const;

  test('a client without one, or with a wrong one, gets no upgrade', async (t) => {
    const { port } = await startSokkenServer(t, ['127.0.0.1:1'], { auth: 'token' }, { identities });
    const refused = await openRawTunnel(t, port, '127.0.0.1:1');
    assert.match(refused.head, /^HTTP\/1.1 401 .*\r\nWWW-Authenticate: Basic realm="sokken"/s);
    for (const login of ['near:sp_wrong', `other:${token}`])
      assert.match(
        (await openRawTunnel(t, port, '127.0.0.1:1', { Authorization: basic(login) })).head,
        /^HTTP\/1.1 401 /,
      );
  });

  test('its scopes count for each tunnel', async (t) => {
    const echo = await startEcho(t);
    const allow = [echo.address, `localhost:${echo.port}`];
    const sokken = { auth: 'token' } as const;
    const { port, url, lines } = await startSokkenServer(t, allow, sokken, { identities });
    const headers = { Authorization: basic(`near:${token}`) };
    const client = await startSokkenClient(t, allow.map(url), {}, { headers });
    assert.equal(String(await converse(client.port, 'hello')), 'hello');
    await converse(client.client.addresses[1].port, 'hello').catch(() => {});
    const other = { Authorization: basic(`agents:${token}-2`) };
    const raw = await openRawTunnel(t, port, echo.address, other);
    assert.match(String((await raw.frame(8)).payload), /DENIED: act as consumer/);
    await until('all are over', () => lines.length === 3);
    assert.deepEqual(
      lines.map(({ outcome }) => outcome),
      ['ok', 'DENIED', 'DENIED'],
    );
  });

  test('a tunnel ends when its token is taken back', async (t) => {
    const echo = await startEcho(t);
    const sokken = { auth: 'token' } as const;
    const options = { identities };
    const { server, port, lines } = await startSokkenServer(t, [echo.address], sokken, options);
    const raw = await openRawTunnel(t, port, echo.address, {
      Authorization: basic(`near:${token}`),
    });
    await until('it is joined', () => echo.open.size === 1);
    server.reload({ identities: [identities[1]] });
    await raw.frame(8);
    await until('it is over', () => lines.length === 1 && echo.open.size === 0);
  });
});

test('the policy decides about addresses', async (t) => {
  const [one, two] = [await startEcho(t), await startEcho(t)];
  const asked: string[] = [];
  const policy: Policy = {
    authorize(request) {
      const { host, port } = request.target!;
      asked.push(`${request.action} ${request.service} ${host}:${port}`);
      return { allow: port === one.port, reason: 'that port only' };
    },
    close() {},
  };
  const allow = [one.address, two.address];
  const { url, lines } = await startSokkenServer(t, allow, {}, { policy });
  const { client } = await startSokkenClient(t, allow.map(url));
  const [first, second] = client.addresses.map(({ port }) => port);
  assert.equal(String(await converse(first, 'hello')), 'hello');
  await converse(second, 'hello').catch(() => {});
  await until('both are over', () => lines.length === 2);
  assert.equal(lines[1].outcome, 'DENIED');
  assert.deepEqual(
    asked,
    allow.map((address) => `connect direct ${address}`),
  );
});
