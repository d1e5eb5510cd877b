import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SallyportError } from '../errors.ts';
import { HTTP_HEAD_MAX_BYTES } from '../limits.ts';
import { INCOMPLETE } from './field-section.ts';
import { ResponseHead } from './response-head.ts';
import { connectionLines, RESPONSE_ROOM_BYTES, rewriteResponse } from './response-rewrite.ts';

/** What the client gets for a head, or the code of the refusal. */
function relayed(input: Buffer, pieces: number[] = []): string {
  const head = new ResponseHead();
  try {
    let after = INCOMPLETE;
    for (const end of [...pieces, input.length]) {
      const moved = Buffer.concat([Buffer.alloc(end % 7), input.subarray(0, end)]);
      after = head.parse(moved, end % 7, moved.length);
      if (after === INCOMPLETE) continue;
      const out = Buffer.alloc(after + RESPONSE_ROOM_BYTES);
      return out.toString(
        'latin1',
        0,
        rewriteResponse(head, moved, end % 7, connectionLines.silent, out, 0),
      );
    }
    return 'INCOMPLETE';
  } catch (error) {
    assert.ok(error instanceof SallyportError);
    return error.code;
  }
}

const INVALID = 'RESPONSE_INVALID';
/** Passed on byte for byte. */
const same = null;
const ok = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}\r\n`;

const corpus: [name: string, input: string, expected: string | null][] = [
  ['no fields', ok(''), same],
  ['empty reason', 'HTTP/1.1 200 \r\n\r\n', same],
  ['reason beyond ASCII', 'HTTP/1.1 404 Nicht gefunden: \xfc\r\n\r\n', same],
  ['length', ok('Content-Length: 5\r\n'), same],
  ['chunked', ok('Transfer-Encoding: chunked\r\nTrailer: Digest\r\n'), same],
  ['several cookies', ok('Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n'), same],
  ['HTTP/1.0 becomes HTTP/1.1', 'HTTP/1.0 200 OK\r\nA: b\r\n\r\n', ok('A: b\r\n')],
  ['no content with a length of 0', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', same],
  ['not modified with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', same],
  ['interim', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', same],
  [
    'hop-by-hop fields go',
    ok('A: b\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nC: d\r\n'),
    ok('A: b\r\nC: d\r\n'),
  ],
  [
    'proxy fields go',
    ok('Proxy-Authenticate: Basic\r\nProxy-Connection: close\r\nUpgrade: h2\r\n'),
    ok(''),
  ],
  [
    'Connection cannot name the framing',
    ok('Connection: content-length, transfer-encoding\r\nContent-Length: 5\r\n'),
    ok('Content-Length: 5\r\n'),
  ],
  ['426 names its protocols', 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n', same],

  ['T21 not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', INVALID],
  ['T21 a request', 'GET / HTTP/1.1\r\n\r\n', INVALID],
  ['T21 HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', INVALID],
  ['T21 HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', INVALID],
  ['T21 lower-case version', 'http/1.1 200 OK\r\n\r\n', INVALID],
  ['T21 ICY', 'ICY 200 OK\r\n\r\n', INVALID],
  ['T21 no space behind the status', 'HTTP/1.1 200\r\n\r\n', INVALID],
  ['T21 status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', INVALID],
  ['T21 status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', INVALID],
  ['T21 status below 100', 'HTTP/1.1 099 OK\r\n\r\n', INVALID],
  ['T21 status beyond 599', 'HTTP/1.1 600 OK\r\n\r\n', INVALID],
  ['T21 empty line first', '\r\nHTTP/1.1 200 OK\r\n\r\n', INVALID],
  ['T21 status line ends in LF', 'HTTP/1.1 200 OK\n\r\n', INVALID],
  ['T21 bare CR in the reason', 'HTTP/1.1 200 OK\rSet-Cookie: a\r\n\r\n', INVALID],
  ['T21 control in the reason', 'HTTP/1.1 200 O\x1bK\r\n\r\n', INVALID],
  ['T21 response splitting by bare LF', ok('A: b\nSet-Cookie: c\r\n'), INVALID],
  ['T21 response splitting by bare CR', ok('A: b\rSet-Cookie: c\r\n'), INVALID],
  ['T21 NUL in a value', ok('A: b\0\r\n'), INVALID],
  ['T21 folded line', ok('A: b\r\n c\r\n'), INVALID],
  ['T21 space before the colon', ok('Content-Length : 5\r\n'), INVALID],
  ['T21 length and chunked', ok('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), INVALID],
  ['T21 length twice, the same', ok('Content-Length: 5\r\nContent-Length: 5\r\n'), INVALID],
  ['T21 length twice, different', ok('Content-Length: 5\r\nContent-Length: 6\r\n'), INVALID],
  ['T21 length with a sign', ok('Content-Length: +5\r\n'), INVALID],
  ['T21 length list', ok('Content-Length: 5, 5\r\n'), INVALID],
  ['T21 other coding', ok('Transfer-Encoding: gzip, chunked\r\n'), INVALID],
  ['T21 coding in capitals', ok('Transfer-Encoding: Chunked\r\n'), INVALID],
  ['T21 coding twice', ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), INVALID],
  ['T21 chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', INVALID],
  ['T21 interim with a body', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n', INVALID],
  [
    'T21 switch with a body',
    'HTTP/1.1 101 Switching\r\nTransfer-Encoding: chunked\r\n\r\n',
    INVALID,
  ],
  ['T21 no content with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', INVALID],
  [
    'T21 no content with chunks',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    INVALID,
  ],
  ['T21 endless reason', `HTTP/1.1 200 ${'a'.repeat(HTTP_HEAD_MAX_BYTES)}`, INVALID],
  ['T21 endless field', ok(`A: ${'b'.repeat(HTTP_HEAD_MAX_BYTES)}\r\n`), INVALID],
  ['T21 too many fields', ok('A: b\r\n'.repeat(200)), INVALID],
];

for (const [name, input, expected] of corpus) {
  test(`response head: ${name}`, () => {
    const bytes = Buffer.from(input, 'latin1');
    assert.equal(relayed(bytes), expected ?? input);
    if (bytes.length < 1_000)
      assert.equal(
        relayed(
          bytes,
          Array.from(bytes, (_, i) => i),
        ),
        expected ?? input,
      );
  });
}

test('any split of a response head gives the same result', () => {
  const inputs = corpus.map(([, input]) => input).filter((input) => input.length < 1_000);
  fc.assert(
    fc.property(
      fc.constantFrom(...inputs),
      fc.array(fc.nat(1_000), { maxLength: 6 }),
      (input, cuts) => {
        const bytes = Buffer.from(input, 'latin1');
        const pieces = cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b);
        assert.equal(relayed(bytes, pieces), relayed(bytes));
      },
    ),
  );
});

test('the target keeps its connection as its version and Connection say', () => {
  const keeps = (input: string): boolean => {
    const head = new ResponseHead();
    head.parse(Buffer.from(input), 0, input.length);
    return head.keepAlive;
  };
  assert.equal(keeps('HTTP/1.1 200 OK\r\n\r\n'), true);
  assert.equal(keeps('HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n'), false);
  assert.equal(keeps('HTTP/1.1 200 OK\r\nConnection: x, close\r\n\r\n'), false);
  assert.equal(keeps('HTTP/1.0 200 OK\r\n\r\n'), false);
  assert.equal(keeps('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n'), true);
});
