import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createConsumerAuth, hashConsumerPassword } from './consumer-password.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('createConsumerAuth', () => {
  const auth = createConsumerAuth(hashConsumerPassword('ada:pass:word é'));

  test('takes the right user and password', () =>
    assert.equal(auth.check(basic('ada:pass:word é')), true));

  test('refuses all else', () => {
    for (const value of [
      null,
      '',
      'Basic',
      basic('ada:pass'),
      basic('ada:'),
      basic('ada'),
      basic(':pass:word é'),
      basic('Ada:pass:word é'),
      basic('ada:pass:word é\n'),
      'Bearer ada:pass:word',
      `${basic('ada:pass:word é')}, ${basic('ada:pass:word é')}`,
    ]) {
      assert.equal(auth.check(value), false, String(value));
    }
  });

  test('refuses empty users and passwords, and controls, without repeating them', () => {
    for (const text of ['', ':', 'CANARY', 'CANARY:', ':CANARY', 'a:CANARY\n', 'CANARY\0:b']) {
      assert.throws(
        () => hashConsumerPassword(text),
        (error: Error) =>
          'code' in error && error.code === 'USAGE' && !error.message.includes('CANARY'),
        text,
      );
    }
  });

  test('takes exactly its own credentials', () => {
    const text = fc
      .tuple(fc.stringMatching(/^[a-z]{1,4}$/), fc.stringMatching(/^[a-z:]{1,4}$/))
      .map((parts) => parts.join(':'));
    fc.assert(
      fc.property(text, text, (a, b) =>
        assert.equal(createConsumerAuth(hashConsumerPassword(a)).check(basic(b)), a === b),
      ),
    );
  });

  test('the realm needs no quoting', () => assert.match(auth.realm, /^[a-z ]+$/));
});
