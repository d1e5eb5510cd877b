import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { RequestGathering } from './request-gathering.ts';

const crlf = '\r\n';
const post = `POST /app HTTP/1.1${crlf}Host: h${crlf}`;

function gather(bytes: Buffer, cuts: readonly number[]): RequestGathering {
  const gathering = new RequestGathering();
  let at = 0;
  for (const cut of [...cuts.map((n) => n % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    gathering.feed(bytes.subarray(at, cut));
    at = cut;
  }
  return gathering;
}

test('in whatever pieces a request comes, it is gathered whole, and what follows is left out', () => {
  const requests = [
    `GET / HTTP/1.1${crlf}Host: h${crlf}${crlf}`,
    `${post}Content-Length: 5${crlf}${crlf}hello`,
    `${post}Transfer-Encoding: chunked${crlf}${crlf}5${crlf}hello${crlf}0${crlf}${crlf}`,
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...requests),
      fc.constantFrom('', 'GET /next HTTP/1.1'),
      fc.array(fc.nat(), { maxLength: 20 }),
      (request, rest, cuts) => {
        const gathering = gather(Buffer.from(request + rest), cuts);
        assert.ok(gathering.whole);
        assert.equal(Buffer.concat(gathering.pieces).toString(), request);
        assert.equal(gathering.length, request.length);
      },
    ),
  );
});

test('what is no request is refused by name, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const gathering = new RequestGathering();
      try {
        gathering.feed(Buffer.concat([Buffer.from(noise), Buffer.from('\r\n\r\n')]));
      } catch (thrown) {
        assert.ok(thrown instanceof SallyportError);
        assert.match(thrown.code, /^REQUEST_/);
      }
    }),
  );
});

test('a head or a body that is too long is refused', () => {
  const code = (wanted: string) => (thrown: unknown) =>
    thrown instanceof SallyportError && thrown.code === wanted;
  const length = new RequestGathering();
  const long = Buffer.from(`${post}Content-Length: 104857600${crlf}${crlf}`);
  assert.throws(() => length.feed(long), code('REQUEST_BODY_TOO_LONG'));
  const head = new RequestGathering();
  head.feed(Buffer.from(post));
  const field = Buffer.from(`A: ${'b'.repeat(4_000)}${crlf}`);
  assert.throws(() => {
    for (let i = 0; i < 100; i++) head.feed(field);
  }, code('REQUEST_TOO_LONG'));
  const chunks = new RequestGathering();
  chunks.feed(Buffer.from(`${post}Transfer-Encoding: chunked${crlf}${crlf}7ffffff${crlf}`));
  const megabyte = Buffer.alloc(1024 * 1024);
  assert.throws(() => {
    for (let i = 0; i < 101; i++) chunks.feed(megabyte);
  }, code('REQUEST_BODY_TOO_LONG'));
});
