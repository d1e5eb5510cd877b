import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PEER_STREAMS_MAX } from '../limits.ts';
import { StreamTable, type TableEntry } from './stream-table.ts';

class Entry implements TableEntry<Entry> {
  readonly id: number;
  sharer: Entry | null = null;

  constructor(id: number) {
    this.id = id;
  }
}

test('it finds what a map would find', () => {
  // Few ids and many places between them: neighbours, sharers of a place, and ids of both ends.
  const id = fc.oneof(
    fc.nat(9),
    fc.nat(9).map((n) => n * 64 + 1),
    fc.constant(0xffff_ffff),
  );
  const step = fc.record({ add: fc.boolean(), id });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const table = new StreamTable<Entry>();
      const model = new Map<number, Entry>();
      for (const { add, id: of } of steps) {
        const known = model.get(of);
        if (add && known === undefined) {
          const entry = new Entry(of);
          model.set(of, entry);
          table.add(entry);
        } else if (!add) {
          assert.equal(table.delete(known ?? new Entry(of)), model.delete(of));
          if (known !== undefined) assert.equal(known.sharer, null);
        }
        assert.equal(table.size, model.size);
        for (const one of [of, ...model.keys()])
          assert.equal(table.get(one), model.get(one) ?? null);
        assert.deepEqual(new Set(table.list()), new Set(model.values()));
      }
    }),
  );
});

for (const step of [2, 2 ** 10, 2 ** 14, 2 ** 17]) {
  test(`ids that a hostile peer chose, ${step} apart, do not crowd one place`, () => {
    const table = new StreamTable<Entry>();
    const entries = Array.from({ length: PEER_STREAMS_MAX }, (_, n) => new Entry(1 + n * step));
    for (const entry of entries) table.add(entry);
    let most = 0;
    for (const first of entries) {
      let sharers = 0;
      for (let entry = first.sharer; entry !== null; entry = entry.sharer) sharers++;
      most = Math.max(most, sharers);
    }
    assert.ok(most < 30, `${most} stand in one place`);
  });
}

test('another entry of the same id is not deleted', () => {
  const table = new StreamTable<Entry>();
  table.add(new Entry(1));
  assert.equal(table.delete(new Entry(1)), false);
  table.add(new Entry(3));
  assert.equal(table.delete(new Entry(3)), false);
  assert.equal(table.size, 2);
});
