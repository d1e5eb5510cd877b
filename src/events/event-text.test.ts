import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventText } from './event-text.ts';

test('whatever a text holds, it comes back, and nothing in it can command a terminal or end a line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const written = eventText({ text });
      assert.deepEqual(JSON.parse(written), { text });
      assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(written));
    }),
  );
  const known = 'a\u0085b\u2028c\u202ed\u{e0001}e\u001b[2J';
  assert.equal(
    eventText({ known }),
    '{"known":"a\\u0085b\\u2028c\\u202ed\\udb40\\udc01e\\u001b[2J"}',
  );
});
