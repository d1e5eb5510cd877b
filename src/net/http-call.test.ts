import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { callHttp } from './http-call.ts';

const bounds = { timeoutMs: 5_000, maxBytes: 1_000 };

async function serve(t: TestContext, answer: http.RequestListener): Promise<URL> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/asked?q`);
}

/** Answers every connection with these bytes, then ends it. */
async function serveBytes(t: TestContext, bytes: string): Promise<URL> {
  const server = net.createServer((socket) => socket.on('error', () => {}).end(bytes));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`);
}

test('the answer comes whole, with its status and fields', async (t) => {
  const url = await serve(t, (request, response) => {
    const seen = [request.method, request.url, request.headers['x-asked'], request.headers.host];
    request.on('data', (piece: Buffer) => seen.push(piece.toString()));
    request.on('end', () => {
      response.writeHead(418, { 'X-One': 'a', 'X-Two': ['b', 'c'] });
      response.end(JSON.stringify(seen));
    });
  });
  const headers = { 'X-Asked': 'yes' };
  const answer = await callHttp(url, { ...bounds, method: 'POST', headers, body: 'question' });
  assert.equal(answer.status, 418);
  const seen = ['POST', '/asked?q', 'yes', url.host, 'question'];
  assert.deepEqual(JSON.parse(answer.body.toString()), seen);
  assert.equal(answer.field('x-one'), 'a');
  assert.equal(answer.field('x-two'), null, 'came twice');
  assert.equal(answer.field('x-three'), null);
});

test('all fields are there, joined where one came several times', async (t) => {
  const url = await serve(t, (_, response) => {
    response.writeHead(200, { 'X-One': 'a', 'X-Two': ['b', 'c'] }).end();
  });
  const { fields } = await callHttp(url, bounds);
  assert.deepEqual([fields['x-one'], fields['x-two']], ['a', 'b, c']);
});

describe('over kept connections', () => {
  test('the next call goes over the same one', async (t) => {
    const ports: (number | undefined)[] = [];
    const url = await serve(t, (request, response) => {
      ports.push(request.socket.remotePort);
      response.end('x');
    });
    const agent = new http.Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    await callHttp(url, { ...bounds, agent });
    await callHttp(url, { ...bounds, agent });
    assert.equal(ports[0], ports[1]);
  });

  test('one that its server closes when the next call comes is dialled anew, once', async (t) => {
    let connections = 0;
    const server = net.createServer((socket) => {
      connections++;
      let requests = 0;
      socket.on('error', () => {});
      socket.on('data', () => {
        if (++requests === 1 && connections !== 3)
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
        else socket.resetAndDestroy();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const url = new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`);
    const agent = new http.Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const call = { ...bounds, agent };
    await callHttp(url, call);
    assert.equal((await callHttp(url, call)).body.toString(), 'x');
    assert.equal(connections, 2);
    await assert.rejects(callHttp(url, bounds), /connection/, 'a fresh one is not tried again');
    assert.equal(connections, 3);
  });
});

test('a redirect is an answer like others: nobody follows it', async (t) => {
  let asked = 0;
  const url = await serve(t, (_, response) => {
    asked++;
    response.writeHead(302, { Location: '/elsewhere' }).end();
  });
  assert.equal((await callHttp(url, bounds)).status, 302);
  assert.equal(asked, 1);
});

describe('rejects, without telling what was sent', () => {
  const headers = { Authorization: 'Bearer CANARY' };
  const refused = async (calling: Promise<unknown>, why: RegExp): Promise<void> => {
    const error = await calling.then(
      () => assert.fail('was not refused'),
      (thrown: Error) => thrown,
    );
    assert.match(error.message, why);
    assert.doesNotMatch(error.message, /CANARY|127\.0\.0\.1/);
  };

  test('an answer that is too long, with a length and without', async (t) => {
    for (const length of [true, false]) {
      const url = await serve(t, (_, response) => {
        if (length) response.setHeader('Content-Length', 10_000_000);
        response.end(Buffer.alloc(10_000_000));
      });
      await refused(callHttp(url, { ...bounds, headers }), /more than 1000 bytes/);
    }
  });

  test('an answer that does not come, or not to its end', async (t) => {
    const silent = await serve(t, () => {});
    await refused(callHttp(silent, { ...bounds, headers, timeoutMs: 30 }), /within 30 ms/);
    const slow = await serve(t, (_, response) => response.writeHead(200).write('a'));
    await refused(callHttp(slow, { ...bounds, headers, timeoutMs: 60 }), /within 60 ms/);
  });

  test('an answer that was cut short', async (t) => {
    const cut = await serveBytes(t, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    await refused(callHttp(cut, { ...bounds, headers }), /connection/);
    const nothing = await serveBytes(t, '');
    await refused(callHttp(nothing, { ...bounds, headers }), /connection/);
    const garbage = await serveBytes(t, 'SSH-2.0-nonsense\r\n');
    await refused(callHttp(garbage, { ...bounds, headers }), /connection/);
  });

  test('a field that cannot be sent', async (t) => {
    const url = await serve(t, () => assert.fail('was sent'));
    const split = { Authorization: 'Bearer CANARY\r\nX-Forged: yes' };
    await refused(callHttp(url, { ...bounds, headers: split }), /Invalid character/);
  });

  test('nobody listens, or the caller gave up', async (t) => {
    const url = await serve(t, () => {});
    const signal = AbortSignal.abort();
    await refused(callHttp(url, { ...bounds, headers, signal }), /connection/);
    await refused(callHttp(new URL('http://127.0.0.1:1/'), { ...bounds, headers }), /connection/);
  });
});
