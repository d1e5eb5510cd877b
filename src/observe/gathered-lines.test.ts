import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatheredLines } from './gathered-lines.ts';

test('what is taken is what was added, in order, and no more waits than may', () => {
  const step = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constant(null));
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 50 }),
      fc.integer({ min: 0, max: 2_000 }),
      (steps, max) => {
        const lines = new GatheredLines();
        let waiting: string[] = [];
        for (const line of steps) {
          if (line === null) {
            const { bytes, count } = lines.take();
            assert.equal(bytes.toString(), waiting.join(''));
            assert.equal(count, waiting.length);
            waiting = [];
          } else if (lines.add(line, max)) waiting.push(line);
          else assert.ok(Buffer.byteLength(waiting.join('') + line) > max);
          assert.equal(lines.length, Buffer.byteLength(waiting.join('')));
          assert.ok(lines.length <= max);
        }
      },
    ),
  );
});

test('what was taken stays as it is while others are added', () => {
  const lines = new GatheredLines();
  for (const text of ['one\n', 'two\n', 'three\n']) {
    lines.add(text, 1_000);
    const { bytes } = lines.take();
    lines.add('xxxxxxxx', 1_000);
    assert.equal(bytes.toString(), text);
    assert.equal(lines.take().bytes.toString(), 'xxxxxxxx');
  }
});
