import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createFetchTarget, type FetchHandler } from '../../../agent/fetch-target.ts';
import { parseTarget } from '../../../net/target.ts';
import { serveTarget, type ServedTarget } from '../../../../test/support/reverst-exchange.ts';
import { startTcpTarget } from '../../../../test/support/tcp-targets.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

/** Answers by a handler. */
function handled(handler: FetchHandler): ServedTarget {
  return serveTarget(createFetchTarget(handler, () => {}));
}

test('a caller who leaves ends the connection to the target', async (t) => {
  const target = await startTcpTarget(t, (socket) => socket.resume());
  const served = serveTarget(parseTarget(target.address));
  const { exchange, settled } = served.ask();
  exchange.end();
  await settled(() => target.open.size === 1);
  exchange.cancel();
  await settled(() => target.open.size === 0);
  assert.equal(served.lines[0].outcome, 'closed');
});

test('a caller who does not read makes the target wait, and gets everything in the end', async (t) => {
  const length = 32 * 1024 * 1024;
  const server = http.createServer((_request, response) => {
    response.setHeader('Content-Length', length);
    response.end(Buffer.alloc(length, 'x'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const served = serveTarget(parseTarget(`127.0.0.1:${port}`), 64 * 1024);
  const { exchange, got, settled } = served.ask({}, false);
  exchange.end();
  let last = -1;
  let still = 0;
  await settled(() => {
    still = got.text.length === last ? still + 1 : 0;
    last = got.text.length;
    return last > 0 && still === 20;
  });
  assert.ok(last < 1024 * 1024, `${last} bytes came for nobody`);
  exchange.credit(length);
  await settled();
  assert.equal(got.text.length, length);
});

test('a target that does not read makes the caller wait, and gets everything in the end', async (t) => {
  const length = 16 * 1024 * 1024;
  let read = 0;
  const target = await startTcpTarget(
    t,
    (socket) => {
      socket.on('data', (bytes) => {
        read += bytes.length;
        if (read > length) socket.end(`${ok}Content-Length: 0\r\n\r\n`);
      });
      socket.pause();
    },
    { pauseOnConnect: true },
  );
  const served = serveTarget(parseTarget(target.address), 512 * 1024);
  const { exchange, got, settled } = served.ask({ method: 'POST', contentLength: length });
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  const send = (): void => {
    for (; sent < length && exchange.writable; sent += piece.length) exchange.body(piece);
    if (sent === length) exchange.end();
  };
  let last = -1;
  let still = 0;
  await settled(() => {
    send();
    still = sent === last ? still + 1 : 0;
    last = sent;
    return still === 20;
  });
  assert.ok(sent < length, 'the caller was made to wait');
  for (const socket of target.open) socket.resume();
  await settled(() => {
    if (sent < length) send();
    return got.trailers !== null;
  });
  assert.equal(got.head?.status, 200);
});

test('a handler answers, and its signal does not fire for a response that was read', async () => {
  const signals: AbortSignal[] = [];
  const served = handled(async (request) => {
    signals.push(request.signal);
    return new Response(`${request.method} ${request.url} ${await request.text()}`);
  });
  const { exchange, got, settled } = served.ask({ method: 'POST', path: '/fo' });
  exchange.body(Buffer.from('ping'));
  exchange.end();
  await settled();
  assert.equal(got.text, 'POST http://flipt.dev.local/fo ping');
  await new Promise(setImmediate);
  assert.equal(signals[0].aborted, false);
});

test('a handler learns that its caller has left', async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const served = handled(({ signal }) => {
    asked.resolve(signal);
    return new Promise<Response>(() => {});
  });
  const { exchange, settled } = served.ask();
  exchange.end();
  let signal: AbortSignal | null = null;
  void asked.promise.then((one) => (signal = one));
  await settled(() => signal !== null);
  exchange.cancel();
  await settled(() => signal!.aborted);
});

test('what a handler throws is a plain 500; a body of its own that fails breaks the exchange off', async () => {
  const served = handled(({ url }) => {
    if (url.endsWith('/throw')) throw new Error('the secret of the house');
    let first = true;
    return new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (first) controller.enqueue(Buffer.from('some'));
          else controller.error(new Error('no more'));
          first = false;
        },
      }),
    );
  });
  const thrown = served.ask({ path: '/throw' });
  thrown.exchange.end();
  await thrown.settled();
  assert.equal(thrown.got.head?.status, 500);
  assert.ok(!thrown.got.text.includes('secret'));
  const failing = served.ask();
  failing.exchange.end();
  await failing.settled();
  assert.equal(failing.got.trailers, null);
  assert.equal(failing.got.error?.code, 'STREAM_RESET');
});
