import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { spentMs } from '../../test/support/spent.ts';
import { createGlob, createGlobs } from './glob.ts';

describe('createGlob', () => {
  const cases: [string, string[], string[]][] = [
    ['box', ['box'], ['', 'boxx', 'xbox', 'Box', 'b*x']],
    ['*', ['', 'a', 'a.b', '*'], []],
    ['**', ['', 'a'], []],
    ['', [''], ['a']],
    [
      '*.db.internal',
      ['a.db.internal', 'a.b.db.internal', '.db.internal'],
      ['db.internal', 'a.db.internal.evil', 'a.db.internalx'],
    ],
    ['dev-*', ['dev-', 'dev-a'], ['dev', 'xdev-a']],
    ['a*a', ['aa', 'aba', 'aaa'], ['a', 'ab']],
    ['a*b*c', ['abc', 'aXbYc', 'abbc'], ['acb', 'ac', 'abcd']],
    ['*ab*ab', ['abab', 'xababab'], ['ab', 'aab']],
    ['a.c', ['a.c'], ['abc']],
  ];
  for (const [pattern, inside, outside] of cases) {
    test(JSON.stringify(pattern), () => {
      const match = createGlob(pattern);
      for (const text of inside) assert.equal(match(text), true, text);
      for (const text of outside) assert.equal(match(text), false, text);
    });
  }

  test('agrees with the regular expression of the same meaning', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        const expression = new RegExp(`^${p.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's');
        assert.equal(createGlob(p)(t), expression.test(t), `${p} on ${t}`);
      }),
      { numRuns: 5_000 },
    );
  });

  test('a pattern made to make a matcher backtrack does not', () => {
    const match = createGlob(`${'*a'.repeat(2_000)}*b`);
    const spent = spentMs(() => assert.equal(match('a'.repeat(20_000)), false));
    assert.ok(spent < 50, `${spent} ms`);
  });
});

test('of several globs one is enough, and none match nothing', () => {
  assert.equal(createGlobs(['a', 'b*']).match('bc'), true);
  assert.equal(createGlobs([]).match(''), false);
});
