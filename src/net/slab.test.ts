import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SLABS_IDLE_MAX_BYTES, SLABS_OUT_MAX_BYTES } from '../limits.ts';
import { HEADROOM, quietSlab, SlabPool, type Slab } from './slab.ts';

test('a slab has its room behind the headroom and one holder', () => {
  const slab = new SlabPool(1_024).take();
  assert.equal(slab.refs, 1);
  assert.equal(slab.shared, false);
  assert.equal(slab.room.length, 1_024);
  slab.room[0] = 7;
  assert.equal(slab.bytes[HEADROOM], 7);
  slab.release();
});

test('the quiet slab is shared by all and belongs to no pool', () => {
  assert.equal(quietSlab.shared, true);
});

test('a slab comes back with its last holder, and only then goes to another', () => {
  const pool = new SlabPool(64);
  const slab = pool.take();
  slab.retain();
  slab.release();
  assert.equal(pool.out, 1);
  assert.notEqual(pool.take(), slab);
  slab.release();
  assert.equal(pool.out, 1);
  assert.equal(pool.take(), slab);
});

const SIZE = 1024 * 1024;

test('tryTake stops at the bound, take does not, and the free list is bounded', () => {
  const pool = new SlabPool(SIZE);
  const idleMax = SLABS_IDLE_MAX_BYTES / SIZE;
  const out: Slab[] = [];
  for (let slab = pool.tryTake(); slab !== null; slab = pool.tryTake()) out.push(slab);
  assert.equal(out.length, SLABS_OUT_MAX_BYTES / SIZE);
  out.push(pool.take());
  for (const slab of out) slab.release();
  assert.equal(pool.out, 0);
  const kept = new Set(out.slice(0, idleMax));
  const again = out.map(() => pool.take());
  assert.equal(again.filter((slab) => kept.has(slab)).length, idleMax);
  assert.equal(again.filter((slab) => out.includes(slab)).length, idleMax);
});

test('whatever is taken, retained and released: no slab has two owners, none is lost', () => {
  const step = fc.constantFrom('take', 'retain', 'release');
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat({ max: 9 })), { maxLength: 200 }), (steps) => {
      const pool = new SlabPool(16);
      const held: Slab[] = [];
      for (const [what, which] of steps) {
        const slab = held[which % Math.max(1, held.length)];
        if (what === 'take') {
          const taken = pool.take();
          assert.ok(!held.includes(taken), 'a held slab was handed out again');
          held.push(taken);
        } else if (slab !== undefined && what === 'retain') {
          slab.retain();
          held.push(slab);
        } else if (slab !== undefined) {
          slab.release();
          held.splice(held.indexOf(slab), 1);
        }
        assert.equal(pool.out, new Set(held).size);
      }
      for (const slab of held) slab.release();
      assert.equal(pool.out, 0);
    }),
  );
});
