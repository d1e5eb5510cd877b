import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { openAgentStreams } from '../../test/support/agent-streams.ts';
import { service } from '../../test/support/composition.ts';
import { makeCertificate, temporaryFolder } from '../../test/support/files.ts';
import { freePort, startEcho, startTcpTarget } from '../../test/support/tcp-targets.ts';
import { until } from '../../test/support/wait.ts';
import { encodeMessage } from '../attach/message-reader.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../limits.ts';

test('a stream is joined to the target of its service, and one line tells of it', async (t) => {
  const echo = await startEcho(t);
  const { visit, line } = await openAgentStreams(t, [service('box', echo.address)]);
  const visitor = visit({ id: 'id-7', consumer: '192.0.2.9:1234' });
  assert.equal(await visitor.say('hello'), 'hello');
  assert.deepEqual(visitor.told, ['accepted', 'finished']);
  const { ms, ...rest } = await line(0);
  assert.ok(ms >= 0);
  assert.deepEqual(rest, {
    id: 'id-7',
    service: 'box',
    consumer: '192.0.2.9:1234',
    target: echo.address,
    bytesUp: 5,
    bytesDown: 5,
    outcome: 'ok',
  });
});

test('a target that speaks first is heard, and its end leaves our direction open', async (t) => {
  let heard = '';
  const target = await startTcpTarget(t, (socket) => {
    socket.on('data', (piece) => (heard += String(piece)));
    socket.end('220 ready');
  });
  const { visit } = await openAgentStreams(t, [service('box', target.address)]);
  const visitor = visit();
  await until('it has ended', () => visitor.told.includes('finished'));
  assert.equal(visitor.heard, '220 ready');
  visitor.stream.send(Buffer.from('still heard'));
  visitor.stream.end();
  await until('it hears us', () => heard === 'still heard');
});

for (const proxyProtocol of ['v1', 'v2'] as const) {
  test(`a PROXY header ${proxyProtocol} stands before the first byte`, async (t) => {
    const echo = await startEcho(t);
    const box = service('box', echo.address, { proxyProtocol });
    const { visit } = await openAgentStreams(t, [box]);
    const visitor = visit({ consumer: '192.0.2.9:1234', local: '198.51.100.1:443' });
    const heard = await visitor.say('hello');
    const start =
      proxyProtocol === 'v1' ? 'PROXY TCP4 192.0.2.9 198.51.100.1 1234 443\r\n' : '\r\n\r\n\0';
    assert.ok(heard.startsWith(start) && heard.endsWith('hello'), heard);
  });
}

describe('what cannot be reached is refused by name', () => {
  const unreached: [string, (t: TestContext) => Promise<string>, string, RegExp][] = [
    [
      'nobody listens',
      async () => `127.0.0.1:${await freePort()}`,
      'TARGET_REFUSED',
      /^target 127\.0\.0\.1:\d+: ECONNREFUSED$/,
    ],
    [
      'nobody listens on either address of a name',
      async () => String(await freePort()),
      'TARGET_REFUSED',
      /^target localhost:\d+: ECONNREFUSED$/,
    ],
    [
      'there is no such Unix socket',
      (t) => Promise.resolve(`unix:${path.join(temporaryFolder(t), 'absent.sock')}`),
      'TARGET_REFUSED',
      /absent\.sock: ENOENT$/,
    ],
    [
      'the name does not resolve',
      () => Promise.resolve('nowhere.invalid:80'),
      'TARGET_UNREACHABLE',
      /^target nowhere\.invalid:80: (ENOTFOUND|EAI_AGAIN)$/,
    ],
    [
      'TLS is spoken to one that does not',
      async (t) =>
        `https://${(await startTcpTarget(t, (socket) => socket.write('220 ready\r\n'))).address}`,
      'TARGET_TLS',
      /^target https:\/\/127\.0\.0\.1:\d+: E/,
    ],
    [
      'it closes in the middle of the TLS handshake',
      async (t) => `https://${(await startTcpTarget(t, (socket) => socket.end())).address}`,
      'TARGET_REFUSED',
      /ECONNRESET$/,
    ],
  ];
  for (const [name, target, code, message] of unreached) {
    test(name, async (t) => {
      const { visit, line, pair } = await openAgentStreams(t, [service('box', await target(t))]);
      const visitor = visit();
      visitor.stream.send(Buffer.from('sent at once, and lost'));
      const refusal = await visitor.refusal();
      assert.equal(refusal.code, code);
      assert.match(refusal.message, message);
      assert.deepEqual(visitor.told, [code], 'it was never accepted');
      const { outcome, error, bytesDown } = await line(0);
      assert.deepEqual([outcome, error, bytesDown], [code, refusal.message, 0]);
      await until('the stream is gone', () => pair.far.session.streams === 0);
    });
  }

  test('a connection that does not come about in time', async (t) => {
    const box = service('box', '127.0.0.1:9');
    const { visit } = await openAgentStreams(t, [box]);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const dialled: net.Socket[] = [];
    t.mock.method(net, 'connect', () => {
      dialled.push(new net.Socket());
      return dialled[0];
    });
    const visitor = visit();
    await until('it is dialled', () => dialled.length === 1);
    t.mock.timers.tick(TARGET_DIAL_TIMEOUT_MS - 1);
    assert.ok(!dialled[0].destroyed);
    t.mock.timers.tick(1);
    const { code, message } = await visitor.refusal();
    assert.deepEqual(
      [code, message],
      ['TARGET_TIMEOUT', `target 127.0.0.1:9: no connection within ${TARGET_DIAL_TIMEOUT_MS} ms`],
    );
    assert.ok(dialled[0].destroyed);
  });

  test('a TLS handshake that does not come about in time', async (t) => {
    const target = await startTcpTarget(t, (socket) => {
      socket.resume().on('end', () => socket.end());
    });
    const box = service('box', `https://${target.address}`);
    const { visit } = await openAgentStreams(t, [box]);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const visitor = visit();
    await until('it is dialled', () => target.open.size === 1);
    t.mock.timers.tick(TARGET_DIAL_TIMEOUT_MS);
    assert.equal((await visitor.refusal()).code, 'TARGET_TIMEOUT');
    await until('the target is left', () => target.open.size === 0);
  });
});

describe('TLS to the target', () => {
  async function startTls(t: TestContext, ...names: string[]): Promise<number> {
    const options = { ...(await makeCertificate(...names)), allowHalfOpen: true };
    const server = tls.createServer(options, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    return (server.address() as net.AddressInfo).port;
  }

  test('a certificate that nobody vouches for is refused by name', async (t) => {
    const port = await startTls(t, '127.0.0.1');
    const { visit } = await openAgentStreams(t, [service('box', `https://127.0.0.1:${port}`)]);
    const { code, message } = await visit().refusal();
    assert.equal(code, 'TARGET_TLS');
    assert.match(message, /DEPTH_ZERO_SELF_SIGNED_CERT$/);
  });

  test('one for another name is refused by name, and insecureTarget takes it', async (t) => {
    const port = await startTls(t, 'other.example');
    const url = `https://localhost:${port}`;
    const services = [service('box', url), service('loose', url, { insecureTarget: true })];
    const { visit } = await openAgentStreams(t, services);
    assert.equal((await visit().refusal()).code, 'TARGET_TLS');
    assert.equal(await visit({ service: 'loose' }).say('hello'), 'hello');
  });
});

describe('the end of a stream', () => {
  test('a target that breaks off breaks the stream, and is named in the log', async (t) => {
    const target = await startTcpTarget(t, (socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const { visit, line } = await openAgentStreams(t, [service('box', target.address)]);
    const visitor = visit();
    visitor.stream.send(Buffer.from('x'));
    assert.equal((await visitor.refusal()).code, 'STREAM_RESET');
    assert.deepEqual(visitor.told, ['accepted', 'STREAM_RESET']);
    assert.equal((await line(0)).outcome, 'TARGET_CLOSED');
  });

  test('a consumer that breaks off breaks the target’s connection', async (t) => {
    const target = await startTcpTarget(t, () => {});
    const { visit, line } = await openAgentStreams(t, [service('box', target.address)]);
    const visitor = visit();
    await until('it is accepted', () => visitor.told.includes('accepted'));
    visitor.stream.reset();
    await until('the target is left', () => target.open.size === 0);
    assert.equal((await line(0)).outcome, 'STREAM_RESET');
  });

  test('what is no head, or for nobody here, is refused and logged', async (t) => {
    const { visit, pair, line } = await openAgentStreams(t, [service('box', '127.0.0.1:9')]);
    assert.equal((await visit({ service: 'other' }).refusal()).code, 'SERVICE_UNKNOWN');
    const { outcome, service: name } = await line(0);
    assert.deepEqual([outcome, name], ['SERVICE_UNKNOWN', 'other']);
    const ended = Promise.withResolvers<string>();
    const nobody = { data() {}, finished() {}, drained() {} };
    const reset = ({ code }: { code: string }): void => ended.resolve(code);
    pair.near.session.open({ ...nobody, reset }).send(encodeMessage({ service: 1 }));
    assert.equal(await ended.promise, 'STREAM_RESET');
    assert.equal((await line(1)).outcome, 'PROTOCOL_MESSAGE');
    pair.near.session.open({ ...nobody, reset }).end();
    await until('one without a head is gone', () => pair.far.session.streams === 0);
  });
});
