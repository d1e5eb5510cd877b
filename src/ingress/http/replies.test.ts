import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, HOST, ok, playIngress, relay } from '../../../test/support/http-ingress.ts';
import { openGate } from '../../../test/support/gate.ts';
import type { Policy } from '../../access/policy/policy.ts';
import { errorKinds, SallyportError, type ErrorCode } from '../../errors.ts';
import { HTTP_LINGER_BYTES } from '../../limits.ts';
import { quietSlab } from '../../net/slab.ts';
import type { RequestView } from './own-endpoints.ts';

const nobody = (fields: string): string =>
  `GET /x?y HTTP/1.1\r\nHost: nobody.test\r\n${fields}\r\n`;

test('an error says what, where, how to mend it, and which request', async (t) => {
  const played = await playIngress(t);
  const client = await played.connect();
  client.send(nobody(''));
  const text = await client.until((all) => all.includes('Request id1\n'));
  assert.match(text, /^HTTP\/1.1 404 Not Found\r\n/);
  for (const line of [
    'Content-Type: text/plain; charset=utf-8',
    'Cache-Control: no-store',
    'Sallyport-Error: ROUTE_UNKNOWN',
    'Sallyport-Request-Id: id1',
    'X-Content-Type-Options: nosniff',
  ]) {
    assert.ok(text.includes(`\r\n${line}\r\n`), line);
  }
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  assert.equal(Number(/Content-Length: (\d+)/.exec(text)![1]), body.length);
  assert.match(
    body,
    /ROUTE_UNKNOWN \(at the server\)\n\nno service is reachable under host nobody\.test/,
  );
  const { status, outcome, path, host } = played.lines[0];
  assert.deepEqual([status, outcome, path, host], [404, 'ROUTE_UNKNOWN', '/x?y', 'nobody.test']);
});

test('JSON to those who accept it', async (t) => {
  const played = await relay(t);
  for (const [accept, json] of [
    ['application/json', true],
    ['text/html, application/problem+json;q=0.9', true],
    ['APPLICATION/JSON', true],
    ['text/html', false],
    ['text/jsonish', false],
    ['*/*', false],
  ] as const) {
    const client = await played.connect();
    client.send(nobody(`Accept: ${accept}\r\nConnection: close\r\n`));
    const text = await client.untilEnd();
    assert.equal(text.includes('\r\nContent-Type: application/json\r\n'), json, accept);
    if (!json) continue;
    const { error } = JSON.parse(text.slice(text.indexOf('\r\n\r\n')));
    assert.deepEqual([error.code, error.hop], ['ROUTE_UNKNOWN', 'server']);
    assert.ok(error.message && error.advice && error.requestId);
  }
  // And when the request had been sent on already.
  played.client.send(
    `POST / HTTP/1.1\r\n${HOST}Accept: application/json\r\nContent-Length: 0\r\n\r\n`,
  );
  (await arrived(played, 1)).break('STREAM_RESET');
  const text = await played.client.until((all) => all.endsWith('}\n'));
  assert.ok(text.includes('"code":"STREAM_RESET"'));
});

test('an error to HEAD has no body, and the next response is in its place', async (t) => {
  const played = await relay(t);
  played.client.send(`HEAD / HTTP/1.1\r\nHost: nobody.test\r\n\r\n${get()}`);
  (await arrived(played, 1)).answer(ok('x'));
  assert.match(
    await played.client.until((text) => text.endsWith('x')),
    /^HTTP\/1.1 404 [^]*\r\n\r\nHTTP\/1.1 200 OK/,
  );
});

test('an unforeseen failure tells the client nothing of its text', async (t) => {
  const defects: string[] = [];
  const played = await playIngress(t, {
    own: {
      find() {
        throw new TypeError('canary');
      },
    },
    defect: (error, id) => defects.push(`${id} ${String(error.cause)}`),
  });
  const client = await played.connect();
  client.send(nobody('Connection: close\r\n'));
  const text = await client.untilEnd();
  assert.match(text, /^HTTP\/1.1 500 /);
  assert.ok(!text.includes('canary'));
  assert.deepEqual(defects, ['id1 TypeError: canary']);
});

test('T34: what a client sent is not repeated to it raw', async (t) => {
  const played = await playIngress(t, {
    own: {
      find() {
        throw new SallyportError('DENIED', 'attach: \u001b[31m\r\nSet-Cookie: x');
      },
    },
  });
  const client = await played.connect();
  client.send(nobody('Connection: close\r\n'));
  const text = await client.untilEnd();
  assert.match(text, /^HTTP\/1.1 403 Forbidden\r\n/);
  assert.ok(!text.includes('\u001b') && !/^Set-Cookie/m.test(text));
});

test('information leak: the public is told what happened to which service, and no address', async (t) => {
  const played = await relay(t);
  const full = 'target db.corp.internal:3000: connect 10.0.0.5:3000';
  for (const [n, code] of (Object.keys(errorKinds) as ErrorCode[]).entries()) {
    const client = await played.connect();
    client.send(`POST / HTTP/1.1\r\n${HOST}Connection: close\r\nContent-Length: 1\r\n\r\nx`);
    (await arrived(played, 1, n)).break(code, full);
    const text = await client.untilEnd();
    assert.doesNotMatch(text, /corp|10\.0\.0\.5|3000/, code);
    assert.ok(text.includes(`\r\nSallyport-Error: ${code}\r\n`), code);
    assert.ok(text.includes(`\n${errorKinds[code].advice}\n\nRequest id`), code);
    if (code !== 'INTERNAL') assert.match(text, /\n\nservice a: [a-zA-Z ]+\n/, code);
    const { outcome, error } = played.lines[n];
    assert.deepEqual([outcome, error], [code, full], 'the log has it all');
  }
  played.client.send(get('/', 'Accept: application/json\r\nConnection: close\r\n'));
  const next = played.streams.length;
  (await arrived(played, 1, next)).break('TARGET_REFUSED', full);
  (await arrived(played, 1, next + 1)).break('TARGET_REFUSED', full);
  const text = await played.client.untilEnd();
  assert.match(text, /"hop":"target","message":"service a: its target refused the connection",/);
});

for (const when of ['at once', 'later']) {
  test(`information leak: a policy that refuses ${when} is not shown to the public`, async (t) => {
    const reason = 'policy[1] decider.corp.internal:3000 gave no answer';
    const decision = { allow: false, reason };
    const policy: Policy = {
      authorize: () => (when === 'later' ? Promise.resolve(decision) : decision),
      close() {},
    };
    const registry = { open: () => assert.fail('nothing is opened') };
    const played = await relay(t, { gate: openGate(registry, { policy: () => policy }) });
    played.client.send(get('/', 'Connection: close\r\n'));
    const text = await played.client.untilEnd();
    assert.match(text, /^HTTP\/1\.1 403 [^]*\r\nSallyport-Error: DENIED\r\n/);
    assert.match(text, /\n\nservice a: the policy of the server does not let the request pass\n/);
    assert.doesNotMatch(text, /corp|3000|policy\[/);
    assert.equal(played.lines[0].error, `service a: ${reason}`, 'the log has it all');
  });
}

test('own endpoints see the request, and a field that came twice is refused', async (t) => {
  let view: RequestView | null = null;
  const played = await playIngress(t, {
    own: {
      find(request, peer) {
        view = request;
        assert.equal(peer.address, '127.0.0.1');
        return {
          status: 200,
          headers: { 'X-Seen': `${request.field('a')} ${request.field('none')}` },
          body: 'own\n',
        };
      },
    },
  });
  const client = await played.connect();
  client.send(nobody('A: b\r\n') + nobody('A: b\r\na: c\r\n'));
  const text = await client.untilEnd();
  assert.match(
    text,
    /^HTTP\/1.1 200 OK\r\n[^]*\r\nX-Seen: b null\r\n[^]*\r\n\r\nown\nHTTP\/1.1 400 /,
  );
  const { method, path, host, upgrade } = view!;
  assert.deepEqual(
    { method, path, host, upgrade },
    { method: 'GET', path: '/x', host: 'nobody.test', upgrade: false },
  );
});

test('an endpoint takes the connection over, with all that stood behind the head', async (t) => {
  const got: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const played = await playIngress(t, {
    own: {
      find: (request) =>
        request.upgrade
          ? (wire, rest) => {
              got.push(rest.toString());
              wire.reader = {
                read(slab, start, end) {
                  got.push(slab.bytes.toString('latin1', start, end));
                  if (slab === quietSlab) slab.bytes.fill(0, start, end);
                  return true;
                },
                ended: resolve,
                closed() {},
              };
              wire.write(Buffer.from('taken'));
            }
          : null,
    },
  });
  const client = await played.connect();
  client.send(`${nobody('Connection: upgrade\r\nUpgrade: websocket\r\n')}rest`);
  await client.until((text) => text === 'taken');
  assert.equal(played.ingress.connections, 0);
  client.socket.end('more');
  await ended;
  assert.equal(got.join('|'), 'rest|more');
});

test('a refused client gets to read its answer, however much it still sends', async (t) => {
  const played = await playIngress(t);
  const client = await played.connect();
  client.send(`GET / HTTP/1.1\r\nHost: a b\r\n\r\n`).send(Buffer.alloc(HTTP_LINGER_BYTES - 1_000));
  assert.match(await client.untilEnd(), /^HTTP\/1.1 400 /);
  assert.equal(client.error, null);
  client.socket.end();
  await played.until(() => played.lines.length === 1);
});

test('but not without end', async (t) => {
  const played = await playIngress(t);
  const client = await played.connect();
  client.send(`GET / HTTP/1.1\r\nHost: a b\r\n\r\n`).send(Buffer.alloc(HTTP_LINGER_BYTES * 8));
  await client.sendUntilClosed('more');
  assert.equal(played.ingress.connections, 0);
});
