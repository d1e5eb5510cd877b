import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest } from './nearest.ts';

const words = ['listen', 'domain', 'token', 'token_file', 'ca', 'host'];

const cases: readonly [string, string | null][] = [
  ['lisen', 'listen'],
  ['lsiten', 'listen'],
  ['domains', 'domain'],
  ['tokn', 'token'],
  ['hots', 'host'],
  ['xyz', null],
  ['mask', null],
  ['h', null],
  ['', null],
];
for (const [written, meant] of cases) {
  test(`${JSON.stringify(written)} suggests ${meant}`, () =>
    assert.equal(nearest(written, words), meant));
}

test('a word suggests itself', () => {
  fc.assert(
    fc.property(fc.constantFrom(...words), (word) => assert.equal(nearest(word, words), word)),
  );
});

test('whatever is suggested is one of the candidates, however long the word', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5_000 }), (word) => {
      const meant = nearest(word, words);
      assert.ok(meant === null || words.includes(meant));
    }),
  );
});
