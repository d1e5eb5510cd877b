import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionsOf } from '../../test/support/options.ts';
import { maskedOptions } from './masked.ts';

const canary = 'canary-canary-canary-canary-canary-1';

test('options are shown by the keys of files, and nothing secret is', async () => {
  const yaml = `
listen: 127.0.0.1:9
token: sp_${canary}
identities:
  - name: ann
    token: ${canary}
    roles: [agent]
    names: ['a-*']
webhooks:
  - url: https://hooks.test/x?token=${canary}
    secret: ${canary}
    types: [client.*]
control_hosts: [ops.test]
`;
  const options = await optionsOf('server', { yaml });
  const shown = maskedOptions('server', options);
  assert.ok(!JSON.stringify(shown).includes(canary), JSON.stringify(shown));
  assert.equal(shown['listen'], '127.0.0.1:9');
  assert.equal(shown['token'], '***');
  assert.deepEqual(shown['control_hosts'], ['ops.test']);
  const [ann] = shown['identities'] as Record<string, unknown>[];
  assert.deepEqual([ann['name'], ann['token'], ann['names']], ['ann', '***', ['a-*']]);
  const [webhook] = shown['webhooks'] as Record<string, unknown>[];
  assert.deepEqual(
    [webhook['url'], webhook['secret'], webhook['types']],
    ['***', '***', ['client.*']],
  );
  assert.ok(!('public_url' in shown), 'what is not set is not shown');
  assert.deepEqual(shown['wstunnel_tokens'], [], 'an empty list is no secret');
});
