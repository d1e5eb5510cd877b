import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SallyportError } from '../errors.ts';
import { HTTP_FIELDS_MAX, HTTP_HEAD_MAX_BYTES } from '../limits.ts';
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

const INVALID = 'REQUEST_INVALID';
const TOO_LONG = 'REQUEST_TOO_LONG';
const UNSUPPORTED = 'REQUEST_UNSUPPORTED';
/** Passed on byte for byte. */
const same = null;

const get = (fields: string): string => `GET / HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;
const line = (requestLine: string): string => `${requestLine}\r\nHost: a.test\r\n\r\n`;
const host = (value: string): string => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;

type Case = [name: string, input: string, expected: string | null];

const requestLines: Case[] = [
  ['plain', line('GET / HTTP/1.1'), same],
  ['any token is a method', line('M-SEARCH /x HTTP/1.1'), same],
  ['methods keep their case', line('get / HTTP/1.1'), same],
  ['query with odd but common characters', line('GET /a?b={x}|[y]^`"<>\\ HTTP/1.1'), same],
  ['percent escapes stay', line('GET /%2e%2e/%5f%00 HTTP/1.1'), same],
  ['double slashes and dots stay', line('GET //x/../y HTTP/1.1'), same],
  ['semicolon stays', line('GET /a;b=c HTTP/1.1'), same],
  ['second question mark', line('GET /?a?b HTTP/1.1'), same],
  ['OPTIONS of the server', line('OPTIONS * HTTP/1.1'), same],
  ['one empty line before', `\r\n${line('GET / HTTP/1.1')}`, line('GET / HTTP/1.1')],
  ['two empty lines before', `\r\n\r\n${line('GET / HTTP/1.1')}`, INVALID],
  ['bare LF before', `\n${line('GET / HTTP/1.1')}`, INVALID],
  ['HTTP/0.9', 'GET /\r\n', INVALID],
  ['HTTP/0.9 with fields', 'GET /\r\nHost: a.test\r\n\r\n', INVALID],
  ['no version', 'GET / \r\nHost: a.test\r\n\r\n', INVALID],
  ['lower-case version', line('GET / http/1.1'), INVALID],
  ['another protocol', line('GET / RTSP/1.0'), INVALID],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', UNSUPPORTED],
  ['HTTP/1.2', line('GET / HTTP/1.2'), UNSUPPORTED],
  ['HTTP/0.9 spelled out', line('GET / HTTP/0.9'), UNSUPPORTED],
  ['two-digit minor version', line('GET / HTTP/1.10'), INVALID],
  ['no minor version', line('GET / HTTP/1'), INVALID],
  ['version with a comma', line('GET / HTTP/1,1'), INVALID],
  ['space behind the version', line('GET / HTTP/1.1 '), INVALID],
  ['two spaces before the target', line('GET  / HTTP/1.1'), INVALID],
  ['two spaces before the version', line('GET /  HTTP/1.1'), INVALID],
  ['tab before the target', line('GET\t/ HTTP/1.1'), INVALID],
  ['tab before the version', line('GET /\tHTTP/1.1'), INVALID],
  ['space before the method', line(' GET / HTTP/1.1'), INVALID],
  ['no method', line(' / HTTP/1.1'), INVALID],
  ['method with a colon', line('GE:T / HTTP/1.1'), INVALID],
  ['method with a NUL', line('GE\0T / HTTP/1.1'), INVALID],
  ['space in the target', line('GET /a b HTTP/1.1'), INVALID],
  ['fragment', line('GET /a#b HTTP/1.1'), INVALID],
  ['fragment in the query', line('GET /a?b#c HTTP/1.1'), INVALID],
  ['backslash in the path', line('GET /a\\..\\b HTTP/1.1'), INVALID],
  ['control in the target', line('GET /a\x01 HTTP/1.1'), INVALID],
  ['DEL in the target', line('GET /a\x7f HTTP/1.1'), INVALID],
  ['byte beyond ASCII in the target', line('GET /caf\xe9 HTTP/1.1'), INVALID],
  ['target without a slash', line('GET a HTTP/1.1'), INVALID],
  ['target that is a host', line('GET a.test:80 HTTP/1.1'), INVALID],
  ['target that is a query', line('GET ?a HTTP/1.1'), INVALID],
  ['asterisk with GET', line('GET * HTTP/1.1'), INVALID],
  ['asterisk and more', line('OPTIONS *x HTTP/1.1'), INVALID],
  ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', UNSUPPORTED],
  ['CONNECT with a path', line('CONNECT / HTTP/1.1'), UNSUPPORTED],
  ['TRACE', line('TRACE / HTTP/1.1'), UNSUPPORTED],
  [
    'absolute form of the same host',
    line('GET http://a.test/x?y HTTP/1.1'),
    line('GET /x?y HTTP/1.1'),
  ],
  [
    'absolute form, https and capitals',
    line('GET HTTPS://A.TEST/ HTTP/1.1'),
    line('GET / HTTP/1.1'),
  ],
  ['absolute form without a path', line('GET http://a.test HTTP/1.1'), line('GET / HTTP/1.1')],
  [
    'absolute form with only a query',
    line('GET http://a.test?x HTTP/1.1'),
    line('GET /?x HTTP/1.1'),
  ],
  ['absolute form of OPTIONS', line('OPTIONS http://a.test HTTP/1.1'), line('OPTIONS * HTTP/1.1')],
  ['absolute form of another host', line('GET http://b.test/ HTTP/1.1'), INVALID],
  ['absolute form of a longer host', line('GET http://a.test.evil/ HTTP/1.1'), INVALID],
  ['absolute form with another port', line('GET http://a.test:81/ HTTP/1.1'), INVALID],
  ['absolute form with a user', line('GET http://u@a.test/ HTTP/1.1'), INVALID],
  ['absolute form without an authority', line('GET http:///x HTTP/1.1'), INVALID],
  ['absolute form of another scheme', line('GET ftp://a.test/ HTTP/1.1'), INVALID],
  ['absolute form without Host', 'GET http://a.test/ HTTP/1.0\r\n\r\n', INVALID],
  ['request line ends in LF', 'GET / HTTP/1.1\nHost: a.test\r\n\r\n', INVALID],
  ['request line ends in CR', 'GET / HTTP/1.1\rHost: a.test\r\n\r\n', INVALID],
  ['TLS where HTTP is spoken', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', INVALID],
];

const hosts: Case[] = [
  ['port', host('a.test:8080'), same],
  ['trailing dot', host('a.test.'), same],
  ['capitals', host('A.Test'), same],
  ['IPv4', host('127.0.0.1:1'), same],
  ['IPv6', host('[::1]:8080'), same],
  ['IPv6 without a port', host('[2001:db8::1]'), same],
  ['underscore', host('my_app.test'), same],
  ['none in HTTP/1.1', 'GET / HTTP/1.1\r\n\r\n', INVALID],
  ['none in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.0\r\nConnection: close\r\n\r\n'],
  ['twice, the same', get('Host: a.test\r\n'), INVALID],
  ['twice, in other letters', get('hOST: b.test\r\n'), INVALID],
  ['empty', host(''), INVALID],
  ['only spaces', host('   '), INVALID],
  ['a list', host('a.test, b.test'), INVALID],
  ['two words', host('a.test b.test'), INVALID],
  ['user', host('u@a.test'), INVALID],
  ['user and password', host('u:p@a.test'), INVALID],
  ['path', host('a.test/x'), INVALID],
  ['percent escape', host('a%2etest'), INVALID],
  ['beyond ASCII', host('b\xfccher.test'), INVALID],
  ['empty port', host('a.test:'), INVALID],
  ['port with letters', host('a.test:80a'), INVALID],
  ['port beyond 65535', host('a.test:65536'), INVALID],
  ['two ports', host('a.test:80:80'), INVALID],
  ['no name', host(':80'), INVALID],
  ['leading dot', host('.a.test'), INVALID],
  ['empty label', host('a..test'), INVALID],
  ['two trailing dots', host('a.test..'), INVALID],
  ['a dot', host('.'), INVALID],
  ['label of 64', host(`${'a'.repeat(64)}.test`), INVALID],
  ['name of 254', host(`${'a'.repeat(62)}.`.repeat(4) + 'ab'), INVALID],
  ['IPv6 without brackets', host('::1'), INVALID],
  ['IPv6 not closed', host('[::1'), INVALID],
  ['empty brackets', host('[]'), INVALID],
  ['more behind the brackets', host('[::1]x'), INVALID],
  ['IPv6 zone', host('[fe80::1%25eth0]'), INVALID],
];

const framing: Case[] = [
  ['length', get('Content-Length: 5\r\n'), same],
  ['chunked', get('Transfer-Encoding: chunked\r\n'), same],
  ['leading zeros', get('Content-Length: 005\r\n'), same],
  ['largest length', get('Content-Length: 9007199254740991\r\n'), same],
  ['chunked with length', get('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), INVALID],
  ['length with chunked', get('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'), INVALID],
  ['empty coding with length', get('Transfer-Encoding:\r\nContent-Length: 5\r\n'), INVALID],
  ['length twice, the same', get('Content-Length: 5\r\nContent-Length: 5\r\n'), INVALID],
  ['length twice, different', get('Content-Length: 5\r\ncontent-length: 6\r\n'), INVALID],
  ['length list', get('Content-Length: 5, 5\r\n'), INVALID],
  ['length empty', get('Content-Length:\r\n'), INVALID],
  ['length with a sign', get('Content-Length: +5\r\n'), INVALID],
  ['length below zero', get('Content-Length: -5\r\n'), INVALID],
  ['length in hexadecimal', get('Content-Length: 0x5\r\n'), INVALID],
  ['length with an exponent', get('Content-Length: 1e3\r\n'), INVALID],
  ['length with a space inside', get('Content-Length: 1 0\r\n'), INVALID],
  ['length with a fraction', get('Content-Length: 5.0\r\n'), INVALID],
  ['length beyond 2^53', get('Content-Length: 9007199254740992\r\n'), INVALID],
  ['length beyond 2^64', get('Content-Length: 18446744073709551621\r\n'), INVALID],
  ['coding in capitals', get('Transfer-Encoding: CHUNKED\r\n'), UNSUPPORTED],
  ['coding twice', get('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), INVALID],
  ['coding list', get('Transfer-Encoding: gzip, chunked\r\n'), UNSUPPORTED],
  ['chunked applied twice', get('Transfer-Encoding: chunked, chunked\r\n'), UNSUPPORTED],
  ['identity', get('Transfer-Encoding: identity\r\n'), UNSUPPORTED],
  ['coding with a parameter', get('Transfer-Encoding: chunked;q=1\r\n'), UNSUPPORTED],
  ['coding in quotes', get('Transfer-Encoding: "chunked"\r\n'), UNSUPPORTED],
  ['coding behind a vertical tab', get('Transfer-Encoding: \x0bchunked\r\n'), INVALID],
  ['coding behind bytes beyond ASCII', get('Transfer-Encoding: \xa0chunked\r\n'), UNSUPPORTED],
  ['xchunked', get('Transfer-Encoding: xchunked\r\n'), UNSUPPORTED],
  ['coding empty', get('Transfer-Encoding:\r\n'), UNSUPPORTED],
  [
    'chunked in HTTP/1.0',
    'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    INVALID,
  ],
];

const fieldLines: Case[] = [
  ['white space round a value', get('A: \t b c \t\r\n'), same],
  ['empty value', get('A:\r\nB: \r\n'), same],
  ['value beyond ASCII', get('A: caf\xe9\r\n'), same],
  ['no space behind the colon', get('A:b\r\n'), same],
  ['colons in a value', get('A: b:c\r\n'), same],
  ['space before the colon', get('A : b\r\n'), INVALID],
  ['tab before the colon', get('A\t: b\r\n'), INVALID],
  ['space before a name', get(' A: b\r\n'), INVALID],
  ['folded line', get('A: b\r\n c\r\n'), INVALID],
  ['folded line with a tab', get('A: b\r\n\tTransfer-Encoding: chunked\r\n'), INVALID],
  ['folded first line', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', INVALID],
  ['empty name', get(': b\r\n'), INVALID],
  ['no colon', get('A\r\n'), INVALID],
  ['name with a slash', get('A/B: c\r\n'), INVALID],
  ['name with parentheses', get('A(B): c\r\n'), INVALID],
  ['name beyond ASCII', get('\xc4: c\r\n'), INVALID],
  ['name with a NUL', get('A\0: c\r\n'), INVALID],
  ['NUL in a value', get('A: b\0c\r\n'), INVALID],
  ['escape in a value', get('A: \x1b[31m\r\n'), INVALID],
  ['DEL in a value', get('A: \x7f\r\n'), INVALID],
  ['vertical tab in a value', get('A: b\x0bc\r\n'), INVALID],
  ['bare LF ends a field', get('A: b\nC: d\r\n'), INVALID],
  ['bare CR in a value', get('A: b\rC: d\r\n'), INVALID],
  ['CR CR LF', get('A: b\r\r\n'), INVALID],
  ['bare LF ends the head', 'GET / HTTP/1.1\r\nHost: a\r\n\n', INVALID],
  ['CR and a byte end the head', 'GET / HTTP/1.1\r\nHost: a\r\n\rX', INVALID],
  ['all bare LF', 'GET / HTTP/1.1\nHost: a\n\n', INVALID],
  ['Authorization twice', get('Authorization: Basic eA==\r\nauthorization: Bearer x\r\n'), INVALID],
  ['X-Token twice', get('X-Token: aaaaaaaaaaaaaaaa\r\nX-Token: aaaaaaaaaaaaaaaa\r\n'), INVALID],
  ['Upgrade twice', get('Upgrade: websocket\r\nUpgrade: h2c\r\n'), INVALID],
  ['most fields', get('A: b\r\n'.repeat(HTTP_FIELDS_MAX - 1)), same],
  ['one field too many', get('A: b\r\n'.repeat(HTTP_FIELDS_MAX)), TOO_LONG],
  ['longest head', get(`A: ${'b'.repeat(HTTP_HEAD_MAX_BYTES - get('A: \r\n').length)}\r\n`), same],
  [
    'one byte too long',
    get(`A: ${'b'.repeat(HTTP_HEAD_MAX_BYTES - get('A: \r\n').length + 1)}\r\n`),
    TOO_LONG,
  ],
  ['endless target', `GET /${'a'.repeat(65_536)}`, TOO_LONG],
  ['endless name', `GET / HTTP/1.1\r\n${'a'.repeat(65_536)}`, TOO_LONG],
  ['endless method', 'A'.repeat(65_536), TOO_LONG],
];

const corpus: [string, Case[]][] = [
  ['request line', requestLines],
  ['Host', hosts],
  ['framing', framing],
  ['fields', fieldLines],
];

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
  const input = Buffer.from(get(`A: ${'b'.repeat(30_000)}\r\n`));
  const head = new RequestHead();
  const before = performance.now();
  for (let end = 1; end < input.length; end++) assert.equal(head.parse(input, 0, end), INCOMPLETE);
  assert.equal(head.parse(input, 0, input.length), input.length);
  // Quadratic work would be 450 million steps: seconds.
  assert.ok(performance.now() - before < 500);
});
