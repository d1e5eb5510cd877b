import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SallyportError } from '../errors.ts';
import { INCOMPLETE } from './field-section.ts';
import { ForwardingFields } from './forwarding.ts';
import { RequestHead } from './request-head.ts';
import { requestRoom, rewriteRequest, type RequestChanges } from './request-rewrite.ts';

/** The head that the target gets. */
function rewritten(
  fields: string,
  changes: Partial<RequestChanges> = {},
  requestLine = 'GET /x HTTP/1.1',
): string {
  const input = Buffer.from(`${requestLine}\r\nHost: a.test:8080\r\n${fields}\r\n`, 'latin1');
  const head = new RequestHead();
  const after = head.parse(input, 0, input.length);
  assert.equal(after, input.length);
  const forwarding = new ForwardingFields('192.0.2.7', false, false);
  forwarding.setHost('a.test:8080');
  const all = {
    targetFrom: head.pathStart,
    hostLine: null,
    dropAuthorization: false,
    dropToken: false,
    ...changes,
  };
  const room = requestRoom(after, forwarding, all) + input.length;
  const out = Buffer.alloc(room);
  return out.toString('latin1', 0, rewriteRequest(head, input, 0, all, forwarding, out, 0));
}

const ours = [
  'X-Forwarded-For: 192.0.2.7',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Host: a.test:8080',
  'Forwarded: for=192.0.2.7;host="a.test:8080";proto=http',
  '',
  '',
].join('\r\n');
const start = 'GET /x HTTP/1.1\r\nHost: a.test:8080\r\n';

test('fields pass in their order and letters, ours come last', () => {
  assert.equal(rewritten('aCCept: */*\r\nB:  c \r\n'), `${start}aCCept: */*\r\nB:  c \r\n${ours}`);
});

test('hop-by-hop fields go, wherever they stand', () => {
  const fields =
    'Keep-Alive: 1\r\nA: b\r\nConnection: keep-alive\r\nProxy-Connection: x\r\nProxy-Authorization: Basic c2VjcmV0\r\n' +
    'Proxy-Authenticate: x\r\nTE: gzip\r\nC: d\r\nUpgrade: websocket\r\n';
  assert.equal(rewritten(fields), `${start}A: b\r\nC: d\r\n${ours}`);
});

test('fields that Connection names go, all spellings of them', () => {
  assert.equal(
    rewritten(
      'X-Hop: 1\r\nA: b\r\nConnection: x-hop,, X-Other\r\nx-HOP: 2\r\nX-Other: 3\r\nX-Others: 4\r\n',
    ),
    `${start}A: b\r\nX-Others: 4\r\n${ours}`,
  );
});

test('T28: Connection cannot strip what frames, routes or authorises', () => {
  const fields =
    'Connection: host, content-length, authorization, cookie, x-forwarded-for, forwarded, expect\r\n';
  const kept =
    'Content-Length: 0\r\nAuthorization: Bearer x\r\nCookie: a=b\r\nExpect: 100-continue\r\n';
  assert.equal(rewritten(fields + kept), `${start}${kept}${ours}`);
});

test('T28: no spelling of a forwarding field passes from an ordinary client', () => {
  const spoofs = [
    'X-Forwarded-For: 10.0.0.1',
    'x-forwarded-proto: https',
    'X-FORWARDED-HOST: evil',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Prefix: /evil',
    'X-Forwarded-Uri: /evil',
    'X-Forwarded-Server: evil',
    'X-Forwarded: for=evil',
    'X-Forwarded-Ssl: on',
    'Forwarded: for=evil',
    'X-Real-IP: 10.0.0.1',
    'X_Forwarded_For: 10.0.0.1',
    'X-Forwarded_For: 10.0.0.1',
    'x_real_ip: 10.0.0.1',
    'X_Forwarded-Anything: evil',
  ];
  assert.equal(rewritten(spoofs.map((s) => `${s}\r\n`).join('')), start + ours);
});

test('an upgrade passes with its Connection', () => {
  assert.equal(
    rewritten('Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n'),
    `${start}Upgrade: websocket\r\nConnection: upgrade\r\n${ours}`,
  );
});

test('no upgrade to a protocol that would carry requests past the rules', () => {
  for (const protocol of ['h2c', 'H2C', 'websocket, h2c', 'HTTP/2.0', 'TLS/1.3']) {
    assert.equal(
      rewritten(
        `Connection: upgrade, http2-settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: x\r\n`,
      ),
      start + ours,
    );
  }
});

test('an upgrade that Connection does not announce is none', () => {
  assert.equal(rewritten('Upgrade: websocket\r\n'), start + ours);
});

test('the Connection that the target gets is of this hop', () => {
  assert.equal(
    rewritten('TE: trailers;q=0.5, Trailers\r\n'),
    `${start}Connection: te\r\nTE: trailers\r\n${ours}`,
  );
  assert.equal(rewritten('Connection: close\r\n'), `${start}Connection: close\r\n${ours}`);
  const old = 'GET /x HTTP/1.0';
  assert.match(rewritten('Connection: keep-alive\r\n', {}, old), /\r\nConnection: keep-alive\r\n/);
  assert.match(rewritten('', {}, old), /\r\nConnection: close\r\n/);
});

test('what a route takes away or sets', () => {
  const hostLine = Buffer.from('Host: inner.test\r\n');
  assert.equal(
    rewritten('Authorization: Basic x\r\nX-Token: t\r\nA: b\r\n', {
      hostLine,
      dropAuthorization: true,
      dropToken: true,
    }),
    `GET /x HTTP/1.1\r\nA: b\r\nHost: inner.test\r\n${ours}`,
  );
});

test('a target without its first part, byte for byte', () => {
  const cut = (target: string, length: number): string => {
    const targetFrom = 'GET '.length + length;
    return rewritten('', { targetFrom }, `GET ${target} HTTP/1.1`).split('\r\n', 1)[0];
  };
  assert.equal(cut('/_token/T/a%2Fb?c', 9), 'GET /a%2Fb?c HTTP/1.1');
  assert.equal(cut('/_token/T', 9), 'GET / HTTP/1.1');
  assert.equal(cut('/_token/T?a', 9), 'GET /?a HTTP/1.1');
  assert.equal(cut('/_token/T//a', 9), 'GET //a HTTP/1.1');
});

test(
  'T20: 10,000 mutated heads are refused or mean the same to the target',
  { timeout: 30_000 },
  () => {
    const seeds = [
      'GET /a?b HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n',
      'POST /a HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n',
      'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n',
      'GET /ws HTTP/1.1\r\nHost: [::1]:80\r\nUpgrade: websocket\r\nConnection: Upgrade, X-A\r\nX-A: 1\r\n\r\n',
      'GET / HTTP/1.0\r\nForwarded: for=x\r\nX-Forwarded-For: y\r\n\r\n',
    ];
    const spice = [
      '\r\n',
      '\n',
      '\r',
      ' ',
      '\t',
      ':',
      ',',
      '\0',
      '\x0b',
      '\x7f',
      '\x80',
      '\xff',
      '#',
      '\\',
      '?',
      '/',
      '*',
      '0',
      ';',
      'Content-Length: 1\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Host: b.test\r\n',
      ' HTTP/1.1\r\n',
      'Connection: host\r\n',
    ];
    const mutation = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...spice));
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (seed, mutations) => {
          let text = seed;
          for (const [place, cut, insert] of mutations) {
            const at = place % text.length;
            text = text.slice(0, at) + insert + text.slice(at + cut);
          }
          const input = Buffer.from(text, 'latin1');
          const head = new RequestHead();
          const forwarding = new ForwardingFields('192.0.2.7', false, false);
          let after: number;
          try {
            after = head.parse(input, 0, input.length);
          } catch (error) {
            assert.ok(error instanceof SallyportError, String(error));
            return;
          }
          if (after === INCOMPLETE) return;
          accepted++;
          const changes = {
            targetFrom: head.pathStart,
            hostLine: null,
            dropAuthorization: false,
            dropToken: false,
          };
          const out = Buffer.alloc(requestRoom(after, forwarding, changes));
          const length = rewriteRequest(head, input, 0, changes, forwarding, out, 0);
          // The target's reading, by the same strict rules: whole, and the same message.
          const again = new RequestHead();
          assert.equal(again.parse(out, 0, length), length);
          assert.deepEqual(
            [again.method.name, again.length, again.chunked, again.line.old, again.upgrade],
            [head.method.name, head.length, head.chunked, head.line.old, head.upgrade],
          );
          const text2 = out.toString('latin1', 0, length);
          assert.equal(text2.match(/^x-forwarded-for:/gim)?.length, 1);
          assert.equal(text2.match(/^host:/gim)?.length ?? 0, head.hostEnd > 0 ? 1 : 0);
        },
      ),
      { numRuns: 10_000 },
    );
    assert.ok(accepted > 500, `only ${accepted} of the mutated heads were accepted`);
  },
);
