import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MostlyOne } from './mostly-one.ts';

test('it does what a map does', () => {
  const step = fc.record({
    key: fc.nat({ max: 3 }),
    what: fc.constantFrom('set' as const, 'delete' as const),
    value: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const map = new Map<number, number>();
      const ours = new MostlyOne<number, number>();
      for (const { key, what, value } of steps) {
        if (what === 'set') {
          map.set(key, value);
          ours.set(key, value);
        } else assert.equal(ours.delete(key), map.delete(key));
        assert.equal(ours.size, map.size);
        assert.equal(ours.get(key), map.get(key));
        assert.equal(ours.has(key), map.has(key));
        assert.deepEqual([...ours.entries()], [...map.entries()]);
        assert.deepEqual([...ours.keys()], [...map.keys()]);
        assert.deepEqual([...ours.values()], [...map.values()]);
      }
    }),
  );
});

for (const count of [1, 5]) {
  test(`all of ${count} may be deleted on the way through them`, () => {
    const ours = new MostlyOne<string, number>();
    for (let i = 0; i < count; i++) ours.set(`k${i}`, i);
    const seen: number[] = [];
    for (const [key, value] of ours.entries()) {
      ours.delete(key);
      seen.push(value);
    }
    assert.equal(seen.length, count);
    assert.equal(ours.size, 0);
  });
}
