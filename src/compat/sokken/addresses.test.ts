import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDirectAddresses } from './addresses.ts';

test('an address is found as it is written, and in its canonical form', () => {
  const { find } = createDirectAddresses(['GitHub.com:443', '[::1]:22', ':80', '127.0.0.1:22']);
  const github = { host: 'github.com', port: 443 };
  assert.deepEqual(find('GitHub.com:443'), github);
  assert.deepEqual(find('github.com:443'), github);
  assert.deepEqual(find('[::1]:22'), { host: '::1', port: 22 });
  assert.deepEqual(find(':80'), { host: 'localhost', port: 80 });
  assert.deepEqual(find('127.0.0.1:22'), { host: '127.0.0.1', port: 22 });
});

test('nothing else is', () => {
  const { find } = createDirectAddresses(['127.0.0.1:22', 'github.com:443']);
  for (const text of [
    '',
    '127.0.0.1',
    '127.0.0.1:022',
    '127.0.0.1:22 ',
    '127.1:22',
    'localhost:22',
    '[::ffff:127.0.0.1]:22',
    'github.com.:443',
    'GITHUB.com:443',
    'github.com:https',
    '__proto__',
  ])
    assert.equal(find(text), null, text);
  fc.assert(fc.property(fc.string(), (text) => assert.equal(find(text), null)));
});

test('what is no address is refused', () => {
  for (const text of ['', 'host', 'host:0', 'host:ssh', '::1:22', 'u@host:22', '0x7f.1:22', ':'])
    assert.throws(() => createDirectAddresses([text]), { code: 'USAGE' }, text);
});
