import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SallyportError } from '../errors.ts';
import { HTTP_CHUNK_LINE_MAX_BYTES, HTTP_TRAILER_MAX_BYTES } from '../limits.ts';
import { BodyTracker } from './body.ts';
import { TrailerLines } from './trailer-lines.ts';

/** Feeds the input cut at the given places; answers the bytes of the body, or the code of the refusal. */
function chunkedLength(input: string, cuts: number[] = []): number | string {
  const bytes = Buffer.from(input, 'latin1');
  const body = new BodyTracker('REQUEST_INVALID');
  body.expectChunked();
  let at = 0;
  try {
    for (const end of [...cuts, bytes.length]) {
      const taken = body.feed(bytes, at, end);
      at += taken;
      if (body.done) return at;
      assert.equal(at, end, 'an open body takes everything');
    }
    return 'OPEN';
  } catch (error) {
    assert.ok(error instanceof SallyportError);
    return error.code;
  }
}

const INVALID = 'REQUEST_INVALID';
const whole = null;

const corpus: [name: string, input: string, expected: number | string | null][] = [
  ['empty', '0\r\n\r\n', whole],
  ['one chunk', '5\r\nhello\r\n0\r\n\r\n', whole],
  ['capitals and leading zeros', '000A\r\n0123456789\r\n0\r\n\r\n', whole],
  ['CR LF inside data', '4\r\n\r\n\r\n\r\n0\r\n\r\n', whole],
  ['data that looks like an end', '5\r\n0\r\n\r\n\r\n0\r\n\r\n', whole],
  ['extension', '5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n', whole],
  ['trailers', '0\r\nServer-Timing: a\r\nDigest: b\r\n\r\n', whole],
  ['empty trailer value', '0\r\nA:\r\n\r\n', whole],
  ['more behind the end', '0\r\n\r\nGET / HTTP/1.1\r\n', 5],
  ['without an end', '5\r\nhello\r\n', 'OPEN'],
  ['without the last line', '0\r\n', 'OPEN'],
  ['longest extension', `1;${'a'.repeat(HTTP_CHUNK_LINE_MAX_BYTES)}\r\nx\r\n0\r\n\r\n`, whole],

  ['no size', '\r\nhello\r\n0\r\n\r\n', INVALID],
  ['size with a sign', '+5\r\nhello\r\n', INVALID],
  ['size below zero', '-1\r\n', INVALID],
  ['size with 0x', '0x5\r\nhello\r\n', INVALID],
  ['size behind a space', ' 5\r\nhello\r\n', INVALID],
  ['space behind the size', '5 \r\nhello\r\n', INVALID],
  ['tab behind the size', '5\t;a\r\nhello\r\n', INVALID],
  ['size with a comma', '5,5\r\nhello\r\n', INVALID],
  ['size with an underscore', '1_0\r\n', INVALID],
  ['size beyond 2^53', '20000000000000\r\n', INVALID],
  ['size beyond 2^64', '10000000000000005\r\n', INVALID],
  ['endless zeros', '0'.repeat(17), INVALID],
  ['size ends in LF', '5\nhello\r\n', INVALID],
  ['size ends in CR', '5\rhello\r\n', INVALID],
  ['bare LF in an extension', '5;a\nhello\r\n', INVALID],
  ['bare CR in an extension', '5;a\rb\r\nhello\r\n', INVALID],
  ['control in an extension', '5;\0\r\nhello\r\n', INVALID],
  ['endless extension', `5;${'a'.repeat(HTTP_CHUNK_LINE_MAX_BYTES + 1)}`, INVALID],
  ['data longer than its size', '4\r\nhello\r\n0\r\n\r\n', INVALID],
  ['data shorter than its size', '6\r\nhello\r\n0\r\n\r\n', INVALID],
  ['data ends in LF', '5\r\nhello\n0\r\n\r\n', INVALID],
  ['data ends in CR', '5\r\nhello\r0\r\n\r\n', INVALID],
  ['body ends in LF', '0\r\n\n', INVALID],
  ['body ends in bare LFs', '0\n\n', INVALID],
  ['trailer without a colon', '0\r\nA\r\n\r\n', INVALID],
  ['trailer with a space before the colon', '0\r\nA : b\r\n\r\n', INVALID],
  ['trailer without a name', '0\r\n: b\r\n\r\n', INVALID],
  ['folded trailer', '0\r\nA: b\r\n c\r\n\r\n', INVALID],
  ['trailer ends in LF', '0\r\nA: b\n\r\n', INVALID],
  ['bare CR in a trailer', '0\r\nA: b\rc\r\n\r\n', INVALID],
  ['NUL in a trailer', '0\r\nA: \0\r\n\r\n', INVALID],
  ['endless trailers', `0\r\nA: ${'b'.repeat(HTTP_TRAILER_MAX_BYTES)}`, INVALID],
  ...[
    'Content-Length',
    'transfer-encoding',
    'HOST',
    'Authorization',
    'Cookie',
    'X-Forwarded-For',
    'x_forwarded_for',
    'X-Forwarded-Something-Long-And-New',
    'X-Token',
    'Proxy-Authorization',
    'Connection',
    'Trailer',
  ].map((name): [string, string, string] => [
    `${name} as a trailer`,
    `0\r\n${name}: 1\r\n\r\n`,
    INVALID,
  ]),
];

for (const [name, input, expected] of corpus) {
  test(`chunked: ${name}`, () => {
    assert.equal(chunkedLength(input), expected ?? input.length);
    assert.equal(
      chunkedLength(
        input,
        Array.from(input, (_, i) => i),
      ),
      expected ?? input.length,
    );
  });
}

test('any split of a chunked body gives the same result', () => {
  const inputs = corpus.map(([, input]) => input);
  fc.assert(
    fc.property(
      fc.constantFrom(...inputs),
      fc.array(fc.nat(9_000), { maxLength: 6 }),
      (input, cuts) => {
        const places = cuts.map((cut) => cut % input.length).toSorted((a, b) => a - b);
        assert.equal(chunkedLength(input, places), chunkedLength(input));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('whatever is written as chunks is followed to its end and no further', () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 8 }),
      fc.string({ maxLength: 20 }),
      (chunks, behind) => {
        const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
        const body = `${chunks.map((c) => `${c.length.toString(16)}\r\n${text(c)}\r\n`).join('')}0\r\n\r\n`;
        assert.equal(chunkedLength(body + behind), body.length);
      },
    ),
  );
});

test('a body of a length takes that many bytes', () => {
  const body = new BodyTracker('RESPONSE_INVALID');
  const bytes = Buffer.alloc(10);
  body.expectLength(15);
  assert.equal(body.feed(bytes, 0, 10), 10);
  assert.equal(body.ended(), false, 'a truncated body never looks whole');
  assert.equal(body.feed(bytes, 0, 10), 5);
  assert.equal(body.done, true);
  assert.equal(body.feed(bytes, 0, 10), 0);
  body.expectLength(0);
  assert.equal(body.done, true);
});

test('a body until close is whole when its sender ends', () => {
  const body = new BodyTracker('RESPONSE_INVALID');
  body.expectUntilClose();
  assert.equal(body.feed(Buffer.alloc(10), 2, 10), 8);
  assert.equal(body.done, false);
  assert.equal(body.ended(), true);
});

test('a tracker is used for one body after another', () => {
  const body = new BodyTracker('REQUEST_INVALID');
  for (const input of ['5\r\nhel', '3\r\nabc\r\n0\r\nA: b\r\n\r\n']) {
    body.expectChunked();
    assert.equal(body.feed(Buffer.from(input), 0, input.length), input.length);
  }
  assert.equal(body.done, true);
});

/** What a sink is handed of a body that is fed in pieces of that size. */
function handed(body: BodyTracker, got: Buffer[], input: string, size: number): string {
  const bytes = Buffer.from(input, 'latin1');
  for (let at = 0; at < bytes.length && !body.done; at += size)
    body.feed(bytes, at, Math.min(at + size, bytes.length));
  return Buffer.concat(got).toString('latin1');
}

test('a sink is handed what the body holds, without its framing, however it is cut', () => {
  const framings: [expect: (body: BodyTracker) => void, input: string, held: string][] = [
    [(body) => body.expectLength(5), 'hello and more', 'hello'],
    [(body) => body.expectUntilClose(), 'hello', 'hello'],
    [
      (body) => body.expectChunked(),
      '2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: b \r\nC:\r\n\r\nmore',
      'hello',
    ],
  ];
  for (const [expect, input, held] of framings) {
    for (let size = 1; size <= input.length; size++) {
      const got: Buffer[] = [];
      const trailers = new TrailerLines();
      const body = new BodyTracker('RESPONSE_INVALID', {
        data: (bytes, start, end) => void got.push(Buffer.from(bytes.subarray(start, end))),
        trailerByte: (byte) => trailers.byte(byte),
      });
      expect(body);
      assert.equal(handed(body, got, input, size), held, `in pieces of ${size}`);
      const fields = input.startsWith('2')
        ? [
            ['A', 'b'],
            ['C', ''],
          ]
        : [];
      assert.deepEqual(trailers.fields(), fields);
    }
  }
});
