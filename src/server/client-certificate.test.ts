import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alternativeNames } from './client-certificate.ts';

test('alternative names are read by kind', () => {
  assert.deepEqual(alternativeNames(''), []);
  assert.deepEqual(
    alternativeNames(
      'DNS:a.test, URI:spiffe://test/x, IP Address:10.0.0.1, email:a@b.test, Registered ID:1.2.3',
    ),
    ['DNS:a.test', 'URI:spiffe://test/x', 'IP:10.0.0.1', 'EMAIL:a@b.test'],
  );
});

test('name injection: a name that holds what looks like another one stays one name', () => {
  const evil = 'a.test, DNS:admin.test';
  assert.deepEqual(alternativeNames(`DNS:${JSON.stringify(evil)}, DNS:b.test`), [
    `DNS:${evil}`,
    'DNS:b.test',
  ]);
});

test('of what cannot be read to its end no name counts', () => {
  for (const text of ['DNS:"a', 'DNS:a.test, x', 'DNS:a"b', 'DNS:a.test, DNS:"\\x"', ', DNS:a'])
    assert.deepEqual(alternativeNames(text), [], text);
});

test('names in quotes read back, whatever they hold', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }), (names) => {
      const text = names.map((name) => `URI:${JSON.stringify(name)}`).join(', ');
      assert.deepEqual(
        alternativeNames(text),
        names.map((name) => `URI:${name}`),
      );
    }),
  );
});
