import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyTracker } from './body.ts';
import { dechunk } from './dechunk.ts';

test('what was put into chunks comes out again, extensions and trailers left out', () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const extension = fc.constantFrom('', ';a', ';a=b', ';a="5"');
  const property = fc.property(
    fc.array(fc.tuple(chunk, extension), { maxLength: 8 }),
    fc.constantFrom('', 'X-Sum: 1\r\n'),
    (chunks, trailers) => {
      const coded = Buffer.concat([
        ...chunks.map(([data, more]) =>
          Buffer.concat([
            Buffer.from(`${data.length.toString(16)}${more}\r\n`),
            data,
            Buffer.from('\r\n'),
          ]),
        ),
        Buffer.from(`0\r\n${trailers}\r\n`),
      ]);
      const tracker = new BodyTracker('REQUEST_INVALID');
      tracker.expectChunked();
      assert.equal(tracker.feed(coded, 0, coded.length), coded.length);
      assert.ok(tracker.done);
      assert.deepEqual(dechunk(coded), Buffer.concat(chunks.map(([data]) => data)));
    },
  );
  fc.assert(property);
});
