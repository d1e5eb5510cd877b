import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { createFetchTarget } from '../../../agent/fetch-target.ts';
import { SallyportError } from '../../../errors.ts';
import { createRequestTarget } from './request-target.ts';
import { createRecorded, getRequest } from '../../../../test/support/http3-exchange.ts';
import { runReverstClient } from '../../../../test/support/reverst-client.ts';
import {
  startReverstServer,
  type TestClient,
  type Verdict,
} from '../../../../test/support/reverst-server.ts';
import { until, within } from '../../../../test/support/wait.ts';

function ask({ http3 }: TestClient, path = '/fo') {
  const got = createRecorded();
  const { body } = got;
  got.body = (bytes) => {
    body(bytes);
    exchange.credit(bytes.length);
  };
  const exchange = http3.request({ ...getRequest, path }, got);
  exchange.end();
  return got;
}

test('a client registers with its group and its credentials, and serves', async (t) => {
  const server = await startReverstServer(t);
  const { client, calls, lines } = runReverstClient(t, server);
  await until('it is registered', () => server.clients.length === 1);
  const [{ group, metadata, version }] = server.requests;
  assert.deepEqual([version, group], [1, 'flipt.dev.local']);
  assert.deepEqual([...metadata], [['Authorization', 'Basic dXNlcjpwYXNz']]);
  const got = ask(server.clients[0]);
  await until('it is answered', () => got.trailers !== null);
  assert.deepEqual([got.head?.status, got.text], [200, 'PONG']);
  assert.deepEqual(calls, ['registered']);
  assert.equal(client.ready, true);
  assert.equal(lines[0].consumer, '127.0.0.1');
});

test('a client without credentials sends none', async (t) => {
  const server = await startReverstServer(t);
  runReverstClient(t, server, { authorization: null });
  await until('it is registered', () => server.clients.length === 1);
  assert.equal(server.requests[0].metadata.size, 0);
});

const refusals: [name: string, verdict: Verdict, code: string, final: boolean][] = [
  ['unauthorized, late versions', { close: 0x2, reason: 'unauthorized' }, 'AUTH_FAILED', true],
  ['unauthorized, early versions', { close: 0x1, reason: 'unauthorized' }, 'AUTH_FAILED', true],
  ['bad request', { close: 0x2, reason: 'bad request' }, 'DENIED', true],
  ['unknown group, late versions', { close: 0x1, reason: 'not found' }, 'SERVICE_UNKNOWN', false],
  [
    'unknown group, as this server says it',
    { close: 0x2, reason: 'not found' },
    'SERVICE_UNKNOWN',
    false,
  ],
  [
    'unknown group, early versions',
    { code: 3, body: 'unknown tunnel group: "x"' },
    'SERVICE_UNKNOWN',
    false,
  ],
  ['another failure, early versions', { code: 1, body: 'EOF' }, 'SESSION_CLOSED', false],
  ['a broken server', { close: 0x1, reason: 'EOF' }, 'SESSION_CLOSED', false],
  ['a server that stops', { close: 0x0, reason: 'server closing down' }, 'SERVER_DRAINING', false],
];
for (const [name, verdict, code, final] of refusals) {
  test(`${name}: ${code}, ${final ? 'which ends it' : 'and it tries again'}`, async (t) => {
    const server = await startReverstServer(t, { verdict: () => verdict });
    const { calls, over, client } = runReverstClient(t, server);
    if (final) {
      await within(10_000, assert.rejects(over, { code }));
      assert.deepEqual(calls, []);
      assert.equal(server.requests.length, 1);
    } else {
      await until('it has tried twice', () => calls.length >= 2);
      assert.deepEqual(calls.slice(0, 2), [`lost ${code}`, `lost ${code} again`]);
    }
    assert.equal(client.ready, false);
  });
}

test('with keep-trying it goes on after wrong credentials, and is let in when they are right', async (t) => {
  let good = false;
  const server = await startReverstServer(t, {
    verdict: () => (good ? 'ok' : { close: 0x2, reason: 'unauthorized' }),
  });
  const { calls } = runReverstClient(t, server, { keepTrying: true });
  await until('it was refused', () => calls.length > 0);
  good = true;
  await until('it is registered', () => calls.includes('registered'));
});

test('a server that lets go of its client gets it back, ever again', async (t) => {
  const server = await startReverstServer(t);
  const { calls, errors, waits } = runReverstClient(t, server);
  for (let round = 1; round <= 7; round++) {
    await until('it is registered', () => calls.length === 2 * round - 1);
    server.clients[0].close(0x0, 'server closing down');
    await until('it has noticed', () => errors.length === round);
  }
  await until('it is registered', () => calls.length === 15);
  assert.ok(errors.every((error) => error === null));
  assert.ok(waits.every((ms) => ms >= 90 && ms <= 100));
});

test('pauses grow as those of the originals', async (t) => {
  const verdict: Verdict = { close: 0x1, reason: 'not found' };
  const server = await startReverstServer(t, { verdict: () => verdict });
  const { waits } = runReverstClient(t, server);
  await until('it has tried four times', () => waits.length === 4, 20_000);
  waits.forEach((ms, n) => assert.ok(ms >= 89 * 2 ** n && ms <= 100 * 2 ** n, `${ms} ms`));
});

test('a server that is killed is found again on the same port', async (t) => {
  const first = await startReverstServer(t);
  const { port, certificate } = first;
  const { calls, errors } = runReverstClient(t, first, { idleTimeoutMs: 1_000, keepAliveMs: 200 });
  await until('it is registered', () => first.clients.length === 1);
  first.close();
  await until('it has noticed', () => errors.length > 0);
  assert.equal(errors[0]?.code, 'HEARTBEAT_LOST');
  const second = await startReverstServer(t, { port, certificate });
  await until('it is registered', () => second.clients.length === 1, 30_000);
  assert.equal(calls.at(-1), 'registered');
});

test('a connection lasts beyond its idle time without a request', async (t) => {
  const server = await startReverstServer(t, { idleTimeoutMs: 1_000 });
  // The period is capped at half of the idle time.
  const { calls } = runReverstClient(t, server, { idleTimeoutMs: 1_000, keepAliveMs: 60_000 });
  await until('it is registered', () => server.clients.length === 1);
  const registeredAt = performance.now();
  await until('three idle times are over', () => performance.now() - registeredAt > 3_000);
  const got = ask(server.clients[0]);
  await until('it is answered', () => got.trailers !== null);
  assert.deepEqual(calls, ['registered']);
});

test('a certificate that is not trusted ends it; unless it takes any', async (t) => {
  const server = await startReverstServer(t);
  const other = await startReverstServer(t);
  const ca = other.certificate.cert;
  const strict = runReverstClient(t, server, { ca });
  await within(10_000, assert.rejects(strict.over, { code: 'SERVER_TLS' }));
  const wrongName = runReverstClient(t, server, { serverName: 'elsewhere.example' });
  await within(10_000, assert.rejects(wrongName.over, { code: 'SERVER_TLS' }));
  runReverstClient(t, server, { ca, serverName: '127.0.0.1', insecure: true });
  await until('it is registered', () => server.clients.length === 1);
});

test('stopped, it finishes what runs, serves what comes meanwhile, and leaves with 0x0', async (t) => {
  const server = await startReverstServer(t);
  const go = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const target = createRequestTarget(
    createFetchTarget(
      async ({ url }) => {
        if (url.endsWith('/slow')) {
          asked.resolve();
          await go.promise;
        }
        return new Response('done');
      },
      () => {},
    ),
    false,
  );
  const { over, stop, client: own } = runReverstClient(t, server, { target });
  await until('it is registered', () => own.ready);
  const [client] = server.clients;
  const slow = ask(client, '/slow');
  await within(10_000, asked.promise);
  stop();
  await until('no more is asked', () => {
    try {
      ask(client);
      return false;
    } catch (thrown) {
      return thrown instanceof SallyportError && thrown.code === 'SESSION_CLOSED';
    }
  });
  assert.equal(slow.head, null);
  go.resolve();
  await within(10_000, over);
  await until('the end has come', () => server.ends.length === 1);
  assert.equal(slow.text, 'done');
  const [{ application, code, reason }] = server.ends;
  assert.deepEqual([application, code, reason], [true, 0, '']);
});

test('what does not finish within the grace time is cut', async (t) => {
  const server = await startReverstServer(t);
  let taken = 0;
  const take = (far: Duplex): void => {
    taken++;
    far.resume();
  };
  const target = createRequestTarget({ kind: 'handler', take }, false);
  const running = runReverstClient(t, server, { target, drainGraceMs: 100 });
  const { over, stop, lines } = running;
  await until('it is registered', () => running.client.ready);
  const got = ask(server.clients[0]);
  await until('it has come', () => taken === 1);
  stop();
  await within(10_000, over);
  await until('it has failed', () => got.error !== null);
  assert.equal(lines[0].outcome, 'SESSION_CLOSED');
});

test('stopped while nobody answers, it ends at once', async (t) => {
  const silent = await startReverstServer(t, { verdict: () => 'silence' });
  const { over, stop } = runReverstClient(t, silent);
  await until('it asks', () => silent.requests.length === 1);
  stop();
  await within(5_000, over);
});
