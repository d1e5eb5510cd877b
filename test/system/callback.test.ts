import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectDuplex } from '../../src/consumer/connect.ts';
import { duplexPair } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { tunnelUrl } from '../../src/compat/callback/client-url.ts';
import {
  callbacks,
  connections,
  registered,
  startCallbackServer,
  startProxy,
  startReverse,
  visit,
} from '../support/callback-peers.ts';
import { composeConsumer, runAgent, service } from '../support/composition.ts';
import { ask } from '../support/http-client.ts';
import { digestOf, noiseDigest, noiseStream } from '../support/noise.ts';
import { startEcho, startGreeter, startTcpTarget } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';

const MB = 1024 * 1024;

describe('callback', () => {
  test('from callbackproxy to callbackreverse, with the end of the input', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    const reverse = startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const proxy = startProxy(t, server, 'box');
    proxy.duplex.end('hello');
    assert.equal(await text(proxy.duplex), 'hello');
    await proxy.running;
    await until('the stream has ended', () => reverse.lines.length === 1);
    const [{ ms, ...line }] = reverse.lines;
    assert.ok(ms >= 0);
    assert.deepEqual(line, {
      id: '1',
      service: 'box',
      consumer: '-',
      target: echo.address,
      bytesUp: 5,
      bytesDown: 5,
      outcome: 'ok',
    });
  });

  test('a WebSocket of another maker is a consumer; its close ends the target’s connection', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const visitor = await visit(t, server, 'box');
    visitor.socket.send('text and ');
    visitor.socket.send(Buffer.from('bytes'));
    await visitor.hears(14);
    assert.equal(visitor.heard().toString(), 'text and bytes');
    visitor.socket.close();
    await until('the target is left', () => echo.open.size === 0);
    await until('nobody is listed', async () => (await connections(server)).sessions.length === 0);
    assert.equal((await callbacks(server)).sessions.box.num_clients, 0);
  });

  test('a target that speaks first is heard, and one that closes ends the consumer', async (t) => {
    const server = await startCallbackServer(t);
    const greeter = await startGreeter(t, '220 ready');
    startReverse(t, server, 'box', greeter.address);
    await registered(server, 'box');
    const visitor = await visit(t, server, 'box');
    await visitor.hears(9);
    const proxy = startProxy(t, server, 'box');
    await until('both are there', () => greeter.open.size === 2);
    for (const socket of greeter.open) socket.end();
    assert.equal(await text(proxy.duplex), '220 ready');
    await proxy.running;
    assert.equal(await visitor.closed, 1006, 'without a close frame, as the original closes');
  });

  test('200 MB each way at once, byte for byte', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const proxy = startProxy(t, server, 'box');
    noiseStream(200 * MB).pipe(proxy.duplex);
    const { bytes, digest } = await digestOf(proxy.duplex);
    assert.deepEqual([bytes, digest], [200 * MB, noiseDigest(200 * MB)]);
    await proxy.running;
  });

  test('a reader that is slow to take the end of it misses nothing', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const proxy = startProxy(t, server, 'box');
    proxy.duplex.end(Buffer.alloc(100_000));
    await until('the server is done with it', async () => {
      return echo.accepted() === 1 && (await connections(server)).sessions.length === 0;
    });
    assert.equal((await buffer(proxy.duplex)).length, 100_000);
    await proxy.running;
  });

  test('300 consumers at once through one callbackreverse', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const all = Array.from({ length: 300 }, async (_, n) => {
      const proxy = startProxy(t, server, 'box');
      proxy.duplex.end(`consumer ${n}`);
      assert.equal(await text(proxy.duplex), `consumer ${n}`);
      await proxy.running;
    });
    await Promise.all(all);
    await until('all are gone', () => echo.open.size === 0);
  });

  test('a native consumer reaches a callbackreverse, and callbackproxy a native agent', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'old', echo.address);
    await registered(server, 'old');
    const consumer = composeConsumer(t, server);
    await consumer.attach(new AbortController().signal);
    const [ours, theirs] = duplexPair();
    const whole = connectDuplex(consumer, { service: 'old' }, theirs);
    ours.end('from new to old');
    assert.equal(await text(ours), 'from new to old');
    await whole;

    await runAgent(t, server, [service('new', echo.address)]).ready();
    const proxy = startProxy(t, server, 'new');
    proxy.duplex.end('from old to new');
    assert.equal(await text(proxy.duplex), 'from old to new');
  });

  test('a consumer may not choose the target of a callbackreverse', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'old', echo.address);
    await registered(server, 'old');
    const consumer = composeConsumer(t, server);
    await consumer.attach(new AbortController().signal);
    const [, theirs] = duplexPair();
    const chosen = connectDuplex(consumer, { service: 'old', target: '10.0.0.1:22' }, theirs);
    await assert.rejects(chosen, { code: 'TARGET_DENIED' });
  });

  test('a target that refuses is an error to the consumer, before its upgrade or after', async (t) => {
    const server = await startCallbackServer(t);
    startReverse(t, server, 'box', '127.0.0.1:1');
    await registered(server, 'box');
    await assert.rejects(startProxy(t, server, 'box').running);
  });

  test('a consumer that does not read stops its target, and no other', async (t) => {
    const server = await startCallbackServer(t);
    let sent = 0;
    const source = await startTcpTarget(t, (socket) => {
      const piece = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece)) sent += piece.length;
      };
      socket.on('drain', more);
      more();
    });
    startReverse(t, server, 'box', source.address);
    await registered(server, 'box');
    const stalled = await visit(t, server, 'box');
    stalled.socket.pause();
    let before = -1;
    await until('the target is stopped', async () => {
      const stopped = sent > 0 && sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return stopped;
    });
    assert.ok(sent < 64 * MB, `${sent} bytes went out`);
    const other = await visit(t, server, 'box');
    await other.hears(8 * MB);
  });

  test('under a context path', async (t) => {
    const server = await startCallbackServer(t, { contextPath: '/cb', page: true });
    const echo = await startEcho(t);
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const proxy = startProxy(t, server, 'box');
    proxy.duplex.end('inside');
    assert.equal(await text(proxy.duplex), 'inside');
    const { port } = server;
    assert.notEqual((await ask({ port, path: '/api/v1/callback' })).status, 200);
    const page = await ask({ port, path: '/cb/' });
    assert.match(
      page.text,
      /<div id="app">[^]*\/cb\/static\/main\.js|\/cb\/static\/main\.js[^]*id="app"/,
    );
    assert.equal((await ask({ port, path: '/cb/static/main.js' })).status, 200);
  });
});

describe('a callbackreverse whose messages have other borders than ours', () => {
  const cuts: [string, (bytes: Buffer) => Buffer[]][] = [
    ['each byte is one', (bytes) => [...bytes].map((byte) => Buffer.of(byte))],
    ['all frames are one', (bytes) => [bytes]],
  ];
  for (const [name, cut] of cuts)
    test(name, async (t) => {
      const server = await startCallbackServer(t);
      const url = tunnelUrl(server.url, 'callback', 'box');
      const reverse = new WebSocket(url, { perMessageDeflate: false });
      t.after(() => reverse.terminate());
      let heard = Buffer.alloc(0);
      reverse.on('message', (data: Buffer) => void (heard = Buffer.concat([heard, data])));
      await registered(server, 'box');
      const proxy = startProxy(t, server, 'box');
      proxy.duplex.end('asked');
      const opening = Buffer.from('000100010000000100000000', 'hex');
      await until('a stream is opened', () => heard.includes(opening));
      const accept = Buffer.from('000100020000000100000000', 'hex');
      const hello = Buffer.from('00000000000000010000000568656c6c6f', 'hex');
      const finish = Buffer.from('000100040000000100000000', 'hex');
      for (const piece of cut(Buffer.concat([accept, hello, hello, finish]))) reverse.send(piece);
      assert.equal(await text(proxy.duplex), 'hellohello');
      const asked = Buffer.from('00000000000000010000000561736b6564', 'hex');
      await until('its question and end have come', () => {
        return heard.includes(asked) && heard.includes(finish);
      });
    });
});
