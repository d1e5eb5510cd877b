import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSecretKey, mask, withoutSecrets } from './secrets.ts';

test('a mask shows six characters of a long token and none of a short one', () => {
  assert.equal(mask('sp_abcdefghijklmnop'), 'sp_abc…');
  assert.equal(mask('hunter2'), '…');
  assert.equal(mask(''), '…');
});

test('names of secrets are known in every spelling', () => {
  for (const key of [
    'token',
    'Authorization',
    'proxy-authorization',
    'PROXY_AUTHORIZATION',
    'X-Token',
    'rendezvousToken',
    'rendezvous_token',
    'Set-Cookie',
  ]) {
    assert.equal(isSecretKey(key), true, key);
  }
  for (const key of ['id', 'service', 'tokens', 'keyboard', 'msg', '__proto__'])
    assert.equal(isSecretKey(key), false, key);
});

describe('withoutSecrets', () => {
  const cases: [string, string][] = [
    ['Authorization: Bearer CANARY', 'Authorization: Bearer ***'],
    ['authorization: basic Q0FOQVJZ==; next', 'authorization: basic *** next'],
    ['dial http://user:CANARY@proxy:3128 failed', 'dial http://***@proxy:3128 failed'],
    ['socks5://CANARY@a@proxy/x@y', 'socks5://***@proxy/x@y'],
    ['GET /_token/CANARY/a/b', 'GET /_token/***/a/b'],
    ['GET //_TOKEN//CANARY?a and /%5ftoken/CANARY', 'GET //_TOKEN/***?a and /%5ftoken/***'],
    ['http://host/a@b and mail@example', 'http://host/a@b and mail@example'],
    ['nothing to hide', 'nothing to hide'],
  ];
  for (const [text, clear] of cases) test(text, () => assert.equal(withoutSecrets(text), clear));

  test('a token of ours is masked wherever it stands', () => {
    const token = `sp_${'aZ0_-'.repeat(8)}abc`;
    assert.equal(
      withoutSecrets(`the token ${token}, twice: ${token}`),
      `the token ${mask(token)}, twice: ${mask(token)}`,
    );
  });

  test('takes linear time on text made to hold it up', () => {
    for (const piece of ['://', '://a', 'basic ', 'bearer\t', '/_token/', 'sp_', 'sp_a']) {
      const start = performance.now();
      withoutSecrets(piece.repeat(50_000));
      assert.ok(performance.now() - start < 2_000, piece);
    }
    const start = performance.now();
    withoutSecrets(`basic${' '.repeat(200_000)}`);
    assert.ok(performance.now() - start < 2_000, 'spaces');
  });
});
