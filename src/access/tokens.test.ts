import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import {
  checkToken,
  createToken,
  digest,
  hashToken,
  parseTokenHash,
  sameDigest,
} from './tokens.ts';

test('a token is sp_ and 32 random bytes', () => {
  const tokens = Array.from({ length: 100 }, createToken);
  for (const token of tokens) assert.match(token, /^sp_[A-Za-z0-9_-]{43}$/);
  assert.equal(new Set(tokens).size, tokens.length);
});

test('the hash is the published SHA-256 vector, and reads back', () => {
  const hash = hashToken('abc');
  assert.equal(hash, 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assert.deepEqual(parseTokenHash(hash), digest('abc'));
  assert.deepEqual(parseTokenHash(`sha256:${hash.slice(7).toUpperCase()}`), digest('abc'));
});

test('an empty secret is refused, and its hash too', () => {
  assert.throws(() => checkToken(''), { code: 'CONFIG_INVALID' });
  assert.throws(() => hashToken(''), { code: 'CONFIG_INVALID' });
  assert.throws(() => parseTokenHash(`sha256:${digest('').toString('hex')}`), {
    code: 'CONFIG_INVALID',
    message: /empty token/,
  });
});

test('secrets that cannot be sent and hashes that are none are refused without being repeated', () => {
  for (const token of ['CANARY x', 'CANARY\n', 'CANARYé', ' CANARY', 'CANARY\0']) {
    assert.throws(
      () => checkToken(token),
      (error: Error) => !error.message.includes('CANARY'),
      token,
    );
  }
  for (const text of [
    'CANARY',
    'sha256:',
    'sha256:CANARY',
    `md5:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
  ]) {
    assert.throws(
      () => parseTokenHash(text),
      (error: Error) => !error.message.includes('CANARY'),
      text,
    );
  }
});

test('secrets are compared by timingSafeEqual, on hashes', (t) => {
  const equal = t.mock.method(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  assert.equal(sameDigest(digest('a'), digest('a')), true);
  assert.equal(sameDigest(digest('a'), digest('a much longer one')), false);
  assert.deepEqual(
    equal.mock.calls.map(({ arguments: [a] }) => a.byteLength),
    [32, 32],
  );
});
