import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Chain, type ChainLink } from './chain.ts';

class Item implements ChainLink<Item> {
  earlier: Item | null = null;
  later: Item | null = null;
}

test('whatever is added and deleted, it holds what a set would, in the same order', () => {
  const steps = fc.array(fc.record({ add: fc.boolean(), which: fc.nat(7) }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (given) => {
      const items = Array.from({ length: 8 }, () => new Item());
      const chain = new Chain<Item>();
      const model = new Set<Item>();
      for (const { add, which } of given) {
        const item = items[which];
        if (!add) assert.equal(chain.delete(item), model.delete(item));
        else if (!model.has(item)) {
          chain.add(item);
          model.add(item);
        }
        assert.deepEqual(chain.list(), [...model]);
        assert.equal(chain.size, model.size);
        for (const one of items)
          assert.equal(chain.find((other) => other === one) === one, model.has(one));
      }
    }),
  );
});

test('those that are deleted on the way through them are not visited', () => {
  for (const doomed of [0, 1, 2, 3]) {
    const chain = new Chain<Item>();
    const items = [new Item(), new Item(), new Item(), new Item()];
    for (const item of items) chain.add(item);
    const visited: number[] = [];
    chain.each((item) => {
      visited.push(items.indexOf(item));
      chain.delete(items[doomed]);
    });
    assert.deepEqual(
      visited,
      doomed === 0 ? [0, 1, 2, 3] : [0, 1, 2, 3].filter((n) => n !== doomed),
    );
  }
});

test('an item that has left points to nobody', () => {
  const chain = new Chain<Item>();
  const items = [new Item(), new Item(), new Item()];
  for (const item of items) chain.add(item);
  chain.delete(items[1]);
  assert.deepEqual([items[1].earlier, items[1].later], [null, null]);
});
