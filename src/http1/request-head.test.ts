import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { requestCorpus as corpus } from '../../test/support/request-corpus.ts';
import { spentMs } from '../../test/support/spent.ts';
import { SallyportError } from '../errors.ts';
import { INCOMPLETE } from './field-section.ts';
import { ForwardingFields } from './forwarding.ts';
import { RequestHead } from './request-head.ts';
import { requestRoom, rewriteRequest } from './request-rewrite.ts';

/** What the target gets for a head, without the forwarding fields; or the code of the refusal. */
function relayed(input: Buffer, pieces: number[] = []): string {
  const head = new RequestHead();
  const forwarding = new ForwardingFields('192.0.2.1', false, false);
  try {
    let after = INCOMPLETE;
    for (const end of [...pieces, input.length]) {
      // Each piece stands elsewhere, as when a head moves from a slab to the connection's own buffer.
      const moved = Buffer.concat([Buffer.alloc(end % 7), input.subarray(0, end)]);
      after = head.parse(moved, end % 7, moved.length);
      if (after !== INCOMPLETE) {
        const changes = {
          targetFrom: head.pathStart,
          hostLine: null,
          dropAuthorization: false,
          dropToken: false,
        };
        const out = Buffer.alloc(requestRoom(after, forwarding, changes));
        const length = rewriteRequest(head, moved, end % 7, changes, forwarding, out, 0);
        return out.toString('latin1', 0, length).replace(/X-Forwarded-For: [^]*$/, '\r\n');
      }
    }
    return 'INCOMPLETE';
  } catch (error) {
    assert.ok(error instanceof SallyportError);
    return error.code;
  }
}

for (const [group, cases] of corpus) {
  for (const [name, input, expected] of cases) {
    test(`T19 ${group}: ${name}`, () => {
      const bytes = Buffer.from(input, 'latin1');
      const whole = expected ?? input;
      assert.equal(relayed(bytes), whole);
      // A head in drips gives the same; endless ones only as far as the limit reaches.
      if (bytes.length < 1_000)
        assert.equal(
          relayed(
            bytes,
            Array.from(bytes, (_, i) => i),
          ),
          whole,
        );
    });
  }
}

test('T19: the corpus is as large as promised', () => {
  assert.ok(corpus.reduce((sum, [, cases]) => sum + cases.length, 0) >= 124);
});

test('any split of a head, broken or not, gives the same result', () => {
  const inputs = corpus
    .flatMap(([, cases]) => cases.map(([, input]) => input))
    .filter((i) => i.length < 1_000);
  fc.assert(
    fc.property(
      fc.constantFrom(...inputs),
      fc.array(fc.nat(1_000), { maxLength: 6 }),
      (input, cuts) => {
        const bytes = Buffer.from(input, 'latin1');
        const pieces = cuts.map((c) => c % bytes.length).toSorted((a, b) => a - b);
        assert.equal(relayed(bytes, pieces), relayed(bytes));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a head in single bytes costs no more than a few passes over it', () => {
  const input = Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\nA: ${'b'.repeat(30_000)}\r\n\r\n`);
  const head = new RequestHead();
  const spent = spentMs(() => {
    for (let end = 1; end < input.length; end++)
      assert.equal(head.parse(input, 0, end), INCOMPLETE);
    assert.equal(head.parse(input, 0, input.length), input.length);
  });
  // Quadratic work would be 450 million steps: seconds.
  assert.ok(spent < 500, `${spent} ms`);
});
