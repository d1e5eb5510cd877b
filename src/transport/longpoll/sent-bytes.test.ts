import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SentBytes } from './sent-bytes.ts';

type Step =
  | { readonly append: number }
  | { readonly take: number }
  | { readonly acknowledge: number }
  | { readonly rewind: true };

const steps = fc.array(
  fc.oneof(
    fc.record({ append: fc.nat(20) }),
    fc.record({ take: fc.nat(30) }),
    fc.record({ acknowledge: fc.nat(1_000) }),
    fc.constant<Step>({ rewind: true }),
  ),
  { maxLength: 60 },
);

test('whatever is taken, acknowledged and taken again, it is the bytes from where it stands', () => {
  fc.assert(
    fc.property(steps, (script: Step[]) => {
      const bytes = new SentBytes();
      let whole = '';
      let furthest = 0;
      for (const step of script) {
        if ('append' in step) {
          const piece = Array.from({ length: step.append }, (_, i) =>
            String.fromCharCode(33 + ((whole.length + i) % 90)),
          ).join('');
          whole += piece;
          bytes.append(Buffer.from(piece));
        } else if ('take' in step) {
          const from = bytes.sent;
          const taken = Buffer.concat(bytes.take(step.take)).toString();
          assert.equal(taken, whole.slice(from, from + step.take));
          assert.equal(bytes.sent, from + taken.length);
          furthest = Math.max(furthest, bytes.sent);
        } else if ('acknowledge' in step) {
          const offset = step.acknowledge % (whole.length + 2);
          const valid = offset >= bytes.acknowledged && offset <= furthest;
          assert.equal(bytes.acknowledge(offset), valid);
          if (valid) assert.equal(bytes.acknowledged, offset);
          assert.ok(bytes.acknowledged <= bytes.sent && bytes.sent <= bytes.end);
        } else {
          bytes.rewind();
          assert.equal(bytes.sent, bytes.acknowledged);
        }
        assert.equal(bytes.end, whole.length);
      }
      bytes.rewind();
      const rest = Buffer.concat(bytes.take(Infinity)).toString();
      assert.equal(rest, whole.slice(bytes.acknowledged));
    }),
  );
});

test('frames of few bytes are kept together, whether they were sent meanwhile or not', () => {
  const bytes = new SentBytes();
  const frame = Buffer.alloc(12, 'f');
  for (let i = 0; i < 10_000; i++) {
    bytes.append(frame);
    if (i % 3 === 0) bytes.take(Infinity);
  }
  assert.equal(bytes.kept, 120_000);
  assert.ok(bytes.pieces <= 40, `${bytes.pieces} buffers`);
});
