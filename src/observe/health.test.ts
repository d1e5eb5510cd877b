import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { formatAddress } from '../net/address.ts';
import { createHealthListener } from './health.ts';

async function started(t: TestContext) {
  const state = { ready: false };
  const health = await createHealthListener({
    listen: '127.0.0.1:0',
    ready: () => ({ ready: state.ready, detail: { sessions: state.ready ? 1 : 0 } }),
    version: '1.2.3',
  });
  t.after(() => health.close());
  return { health, state, url: `http://${formatAddress(health.address)}` };
}

test('answers probes', async (t) => {
  const { state, url } = await started(t);
  const get = async (path: string): Promise<[number, unknown]> => {
    const response = await fetch(url + path);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    return [response.status, await response.json()];
  };
  assert.deepEqual(await get('/healthz'), [200, { status: 'ok' }]);
  assert.deepEqual(await get('/version'), [200, { version: '1.2.3' }]);
  assert.deepEqual(await get('/readyz'), [503, { ready: false, detail: { sessions: 0 } }]);
  state.ready = true;
  assert.deepEqual(await get('/readyz?verbose'), [200, { ready: true, detail: { sessions: 1 } }]);
  assert.equal((await get('/healthz/'))[0], 404);
  assert.equal((await get('/'))[0], 404);
});

test('takes GET and HEAD only', async (t) => {
  const { url } = await started(t);
  const head = await fetch(`${url}/healthz`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  const post = await fetch(`${url}/healthz`, { method: 'POST', body: 'x' });
  assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD']);
});

test('closing ends idle connections and frees the port', async (t) => {
  const { health } = await started(t);
  const { host, port } = health.address;
  const idle = net.connect(port, host);
  await once(idle, 'connect');
  const closed = once(idle, 'close');
  await health.close();
  await closed;
  const next = await createHealthListener({
    listen: `${host}:${port}`,
    ready: () => ({ ready: true, detail: null }),
    version: '',
  });
  await next.close();
});

test('an address that cannot be had is LISTEN_FAILED, and names it', async (t) => {
  const { health } = await started(t);
  const listen = formatAddress(health.address);
  const options = { listen, ready: () => ({ ready: true, detail: null }), version: '' };
  await assert.rejects(createHealthListener(options), {
    code: 'LISTEN_FAILED',
    message: new RegExp(listen),
  });
  await assert.rejects(createHealthListener({ ...options, listen: 'nonsense' }), { code: 'USAGE' });
});

test('listens on loopback when no host is given', async () => {
  const health = await createHealthListener({
    listen: '0',
    ready: () => ({ ready: true, detail: null }),
    version: '',
  });
  await health.close();
  assert.equal(health.address.host, '127.0.0.1');
});
