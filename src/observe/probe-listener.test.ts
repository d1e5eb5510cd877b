import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../net/address.ts';
import { createProbeListener } from './probe-listener.ts';

test('an answer that fails is a 500 without the reason, and the listener goes on', async (t) => {
  let failing = true;
  const listener = await createProbeListener({
    listen: { host: '127.0.0.1', port: 0 },
    name: 'metrics',
    async answer(path) {
      if (failing) throw new Error('canary');
      return { status: 200, type: 'text/plain', body: path };
    },
  });
  t.after(() => listener.close());
  const url = `http://${formatAddress(listener.address)}/metrics?x=1`;
  const broken = await fetch(url);
  assert.equal(broken.status, 500);
  assert.deepEqual(await broken.json(), { error: 'the metrics listener failed' });
  failing = false;
  const whole = await fetch(url);
  assert.deepEqual([whole.status, await whole.text()], [200, '/metrics']);
});
