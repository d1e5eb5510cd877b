import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { StreamLine } from '../../src/observe/access-log.ts';
import {
  callbacks,
  connections,
  registered,
  startCallbackServer,
  startProxy,
  startReverse,
  visit,
} from '../support/callback-peers.ts';
import { composeServer, noteStreams, runAgent, service } from '../support/composition.ts';
import { createCallbackDialect } from '../../src/compat/callback/dialect.ts';
import { open } from '../support/http-client.ts';
import { freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';

interface Told {
  event_type: string;
  sequence_num: number;
  callback_id: string;
  num_clients?: number;
}

/** Follows the changes of a list. */
async function follow(server: { port: number }, list: string): Promise<Told[]> {
  const told: Told[] = [];
  const response = await open({ port: server.port, path: `/api/v1/events/${list}` });
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'text/event-stream');
  assert.equal(response.headers['cache-control'], 'no-cache');
  response.setEncoding('utf8');
  let rest = '';
  response.on('data', (piece: string) => {
    const messages = (rest + piece).split('\n\n');
    rest = messages.pop()!;
    for (const message of messages) {
      const [, json] = /^event: boot\ndata: (.*)$/.exec(message) ?? [];
      if (json !== undefined) told.push(JSON.parse(json) as Told);
    }
  });
  response.on('error', () => {});
  return told;
}

describe('registrations', () => {
  test('first come, first served: the second is refused before its upgrade, and gets the id when it is free', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    const first = startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const second = startReverse(t, server, 'box', echo.address);
    await until('it is refused twice', () => second.losses.length >= 2);
    assert.equal(second.losses[0]?.code, 'NAME_TAKEN');
    const proxy = startProxy(t, server, 'box');
    proxy.duplex.end('first');
    assert.equal(await text(proxy.duplex), 'first');
    assert.equal(first.lines.length, 1);
    await first.stop();
    await second.established();
    await registered(server, 'box');
  });

  test('a name that a native agent holds is taken', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    await runAgent(t, server, [service('box', echo.address)]).ready();
    const reverse = startReverse(t, server, 'box', echo.address, { reconnectMs: null });
    await assert.rejects(reverse.running, { code: 'NAME_TAKEN' });
  });

  test('the end of a session takes nothing from the next one of its id', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    for (let n = 0; n < 20; n++) {
      const reverse = startReverse(t, server, 'box', echo.address);
      await reverse.established();
      await registered(server, 'box');
      void reverse.stop();
    }
    const last = startReverse(t, server, 'box', echo.address);
    await last.established();
    await registered(server, 'box');
    const proxy = startProxy(t, server, 'box');
    proxy.duplex.end('last');
    assert.equal(await text(proxy.duplex), 'last');
  });
});

describe('an id without its callbackreverse', () => {
  test('never seen: 404 before the upgrade, at once', async (t) => {
    const server = await startCallbackServer(t, { awayMs: 60_000 });
    const began = performance.now();
    await assert.rejects(visit(t, server, 'box'), /Unexpected server response: 404/);
    await assert.rejects(startProxy(t, server, 'box').running, { code: 'SERVICE_UNKNOWN' });
    assert.ok(performance.now() - began < 10_000);
  });

  test('lost: its consumers are held, and get through when it is back', async (t) => {
    const [server, echo] = [await startCallbackServer(t, { awayMs: 10_000 }), await startEcho(t)];
    const reverse = startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    await reverse.stop();
    await until('it is gone', async () => !('box' in (await callbacks(server)).sessions));
    const proxies = [1, 2, 3].map(() => startProxy(t, server, 'box'));
    proxies.forEach(({ duplex }, n) => duplex.end(`held ${n}`));
    startReverse(t, server, 'box', echo.address);
    const heard = await Promise.all(proxies.map(({ duplex }) => text(duplex)));
    assert.deepEqual(heard, ['held 0', 'held 1', 'held 2']);
  });

  test('lost for good: 404 when the time is up', async (t) => {
    const [server, echo] = [await startCallbackServer(t, { awayMs: 200 }), await startEcho(t)];
    const reverse = startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    await reverse.stop();
    await until('it is gone', async () => !('box' in (await callbacks(server)).sessions));
    const began = performance.now();
    await assert.rejects(visit(t, server, 'box'), /Unexpected server response: 404/);
    const waited = performance.now() - began;
    assert.ok(waited >= 195 && waited < 10_000, `${waited} ms`);
  });

  test('a consumer that leaves while it is held leaves nothing behind', async (t) => {
    const [server, echo] = [await startCallbackServer(t, { awayMs: 10_000 }), await startEcho(t)];
    const reverse = startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    await reverse.stop();
    await until('it is gone', async () => !('box' in (await callbacks(server)).sessions));
    const proxy = startProxy(t, server, 'box');
    await new Promise((resolve) => setImmediate(resolve));
    proxy.stop();
    await proxy.running;
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    assert.equal(echo.accepted(), 0);
  });
});

describe('lists and their changes', () => {
  test('every consumer of an id is listed, and leaves its own entry only', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const [one, two] = [await visit(t, server, 'box'), await visit(t, server, 'box')];
    one.socket.send('12345');
    await one.hears(5);
    const { sessions } = await connections(server);
    assert.deepEqual(Object.keys(sessions[0]), [
      'bytes_out',
      'bytes_in',
      'connected_at',
      'remote_addr',
      'callback_id',
    ]);
    const shown = sessions.map((s) => [s.bytes_out, s.bytes_in, s.callback_id]);
    assert.deepEqual(shown, [
      [5, 5, 'box'],
      [0, 0, 'box'],
    ]);
    assert.equal((await callbacks(server)).sessions.box.num_clients, 2);
    one.socket.close();
    await until('one is left', async () => (await connections(server)).sessions.length === 1);
    assert.equal((await connections(server)).sessions[0].bytes_out, 0);
    await until('it counts one', async () => {
      return (await callbacks(server)).sessions.box.num_clients === 1;
    });
    two.socket.send('still here');
    await two.hears(10);
  });

  test('changes come as events, numbered as the lists are', async (t) => {
    const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
    const [ofCallbacks, ofConnections] = [
      await follow(server, 'callback'),
      await follow(server, 'connect'),
    ];
    const reverse = startReverse(t, server, 'box', echo.address);
    await registered(server, 'box');
    const visitor = await visit(t, server, 'box');
    visitor.socket.close();
    await until('the visit is over', () => ofConnections.length === 2 && ofCallbacks.length === 3);
    await reverse.stop();
    await until('its end is told', () => ofCallbacks.length === 4);
    assert.deepEqual(
      ofCallbacks.map((e) => [e.event_type, e.sequence_num, e.callback_id, e.num_clients]),
      [
        ['connected', 1, 'box', 0],
        ['updated', 2, 'box', 1],
        ['updated', 3, 'box', 0],
        ['disconnected', 4, 'box', 0],
      ],
    );
    assert.deepEqual(
      ofConnections.map((e) => [e.event_type, e.sequence_num, e.callback_id]),
      [
        ['connected', 1, 'box'],
        ['disconnected', 2, 'box'],
      ],
    );
    assert.deepEqual(await callbacks(server), { sequence_num: 4, sessions: {} });
    assert.deepEqual(await connections(server), { sequence_num: 2, sessions: [] });
  });

  test('a visit that ends in order is no error', async (t) => {
    const lines: StreamLine[] = [];
    const echo = await startEcho(t);
    const accessLog = noteStreams(lines);
    const at = await startCallbackServer(t, {}, {}, { accessLog });
    startReverse(t, at, 'box', echo.address);
    await registered(at, 'box');
    const proxy = startProxy(t, at, 'box');
    proxy.duplex.end('hello');
    await text(proxy.duplex);
    await until('it is logged', () => lines.length === 1);
    assert.deepEqual([lines[0].outcome, lines[0].bytesUp, lines[0].bytesDown], ['ok', 5, 5]);
    (await visit(t, at, 'box')).socket.close(4000);
    await until('the other too', () => lines.length === 2);
    assert.equal(lines[1].outcome, 'LINK_LOST');
  });
});

test('a target that is slow to answer holds up no other consumer', async (t) => {
  const [server, echo] = [await startCallbackServer(t), await startEcho(t)];
  startReverse(t, server, 'box', echo.address);
  await registered(server, 'box');
  const real = net.connect;
  let dials = 0;
  t.mock.method(net, 'connect', (...args: unknown[]) => {
    const [to] = args as [net.NetConnectOpts & { port?: number }];
    if (to.port === echo.port && dials++ === 0) return new net.Socket();
    return (real as (...all: unknown[]) => net.Socket)(...args);
  });
  const hung = startProxy(t, server, 'box');
  await until('it is dialled', () => dials === 1);
  const proxy = startProxy(t, server, 'box');
  proxy.duplex.end('past it');
  assert.equal(await text(proxy.duplex), 'past it');
  hung.stop();
});

test('a server that closes does not wait for its peers', async (t) => {
  const dialect = createCallbackDialect({ open: ['*'] });
  const [server, echo] = [await composeServer(t, { dialects: [dialect] }), await startEcho(t)];
  const { port } = server.address;
  const at = { port, url: `http://127.0.0.1:${port}` };
  startReverse(t, at, 'box', echo.address);
  await registered(at, 'box');
  const visitor = await visit(t, at, 'box');
  await follow(at, 'connect');
  await within(10_000, server.close(0), 'the end of the server');
  await within(5_000, visitor.closed, 'the end of the visit');
});

test('callbackreverse comes back to a server that was away', async (t) => {
  const [port, echo] = [await freePort(), await startEcho(t)];
  const at = { port, url: `http://127.0.0.1:${port}` };
  const reverse = startReverse(t, at, 'box', echo.address);
  await until('it has tried', () => reverse.losses.length >= 2);
  assert.equal(reverse.losses[0]?.code, 'SERVER_UNREACHABLE');
  await startCallbackServer(t, {}, { listen: { host: '127.0.0.1', port } });
  await reverse.established();
  await registered(at, 'box');
});

test('a stream is broken off when the target breaks', async (t) => {
  const server = await startCallbackServer(t);
  const target = await startTcpTarget(t, (socket) => socket.resetAndDestroy());
  startReverse(t, server, 'box', target.address);
  await registered(server, 'box');
  await assert.rejects(startProxy(t, server, 'box').running);
});
