import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf } from '../config/fields.ts';
import { schemas } from '../config/schema.ts';
import { titleWithoutSecrets } from './process-title.ts';

test('secrets of flags are hidden, and the rest stays', () => {
  const cases: [string, string][] = [
    ['http 3000 --token sp_x --name web', 'sallyport http 3000 --token *** --name web'],
    ['http 3000 --token=a=b --auth a:b', 'sallyport http 3000 --token=*** --auth ***'],
    ['agent --proxy http://a:b@proxy:1', 'sallyport agent --proxy http://***@proxy:1'],
    ['wstunnel cli -token x ws://h', 'sallyport wstunnel cli -token *** ws://h'],
    ['callback proxy --http.password=x', 'sallyport callback proxy --http.password=***'],
    ['tcp 22 --rendezvous-token x', 'sallyport tcp 22 --rendezvous-token ***'],
  ];
  for (const [line, shown] of cases) assert.equal(titleWithoutSecrets(line.split(' ')), shown);
});

test('without a secret there is nothing to change', () => {
  const line = 'server --listen 8080 --token-file t --tls-key key.pem --no-access-log';
  assert.equal(titleWithoutSecrets(line.split(' ')), null);
});

test('every flag that takes a secret is one of them', () => {
  const flags = Object.values(schemas).flatMap((schema) =>
    fieldsOf(schema).flatMap(({ flag, facts }) => (facts.secret && flag !== null ? [flag] : [])),
  );
  assert.ok(flags.includes('--token') && flags.includes('--proxy'), flags.join(' '));
  for (const flag of flags) {
    const canary = flag === '--proxy' ? 'http://ann:canary@proxy.test/' : 'canary';
    for (const args of [[flag, canary], [`${flag}=${canary}`]])
      assert.ok(titleWithoutSecrets(args)?.includes('canary') === false, flag);
  }
});
