import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForwardingFields } from './forwarding.ts';
import { RequestHead } from './request-head.ts';
import { requestRoom, rewriteRequest } from './request-rewrite.ts';

interface Peer {
  address?: string;
  secure?: boolean;
}

/** The head that the target gets when a trusted proxy sent these field lines. */
function rewritten(fields: string, { address = '192.0.2.7', secure = false }: Peer = {}): string {
  const input = Buffer.from(`${start}${fields}\r\n`);
  const head = new RequestHead();
  const length = head.parse(input, 0, input.length);
  assert.equal(length, input.length);
  const forwarding = new ForwardingFields(address, secure, true);
  forwarding.setHost('a.test:8080');
  const { pathStart: targetFrom } = head;
  const changes = { targetFrom, hostLine: null, dropAuthorization: false, dropToken: false };
  const out = Buffer.alloc(requestRoom(length, forwarding, changes));
  return out.toString('latin1', 0, rewriteRequest(head, input, 0, changes, forwarding, out, 0));
}

const start = 'GET /x HTTP/1.1\r\nHost: a.test:8080\r\n';
const ours = [
  'X-Forwarded-For: 192.0.2.7',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Host: a.test:8080',
  'Forwarded: for=192.0.2.7;host="a.test:8080";proto=http',
  '',
  '',
].join('\r\n');

test('a trusted proxy is believed and its own address added', () => {
  const seen = rewritten(
    'X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 198.51.100.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: pub.test\r\n' +
      'X-Real-IP: 198.51.100.1\r\nForwarded: for=198.51.100.1\r\nX_Forwarded_For: 10.0.0.1\r\n',
    { address: '2001:db8::7', secure: true },
  );
  assert.equal(
    seen,
    [
      'GET /x HTTP/1.1',
      'Host: a.test:8080',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: pub.test',
      'X-Real-IP: 198.51.100.1',
      'X-Forwarded-For: 198.51.100.1, 198.51.100.2, 2001:db8::7',
      'Forwarded: for=198.51.100.1, for="[2001:db8::7]";host="a.test:8080";proto=https',
      '',
      '',
    ].join('\r\n'),
  );
});

test('a trusted proxy that says nothing leaves it to us', () => {
  assert.equal(rewritten('A: b\r\n'), `${start}A: b\r\n${ours}`);
  assert.equal(rewritten('X_Forwarded_For: 10.0.0.1\r\n'), start + ours);
});

test('a trusted proxy that writes X-Forwarded-* is not contradicted by a Forwarded of ours', () => {
  const ofProxy = 'X-Forwarded-Proto: https\r\nX-Forwarded-For: 198.51.100.1\r\n';
  assert.equal(
    rewritten(ofProxy),
    `${start}X-Forwarded-Proto: https\r\nX-Forwarded-For: 198.51.100.1, 192.0.2.7\r\n` +
      'X-Forwarded-Host: a.test:8080\r\n\r\n',
  );
  for (const line of ['X-Forwarded-Proto: https', 'X-Real-IP: 198.51.100.1', 'X-Forwarded-For:']) {
    const seen = rewritten(`${line}\r\n`);
    assert.doesNotMatch(seen, /^forwarded:/im, line);
    assert.match(seen, /^X-Forwarded-For: 192\.0\.2\.7\r$/m, line);
  }
});

test('a trusted proxy that writes Forwarded is not contradicted by X-Forwarded-* of ours', () => {
  const element = 'for=198.51.100.1;proto=https;host=pub.test';
  const hop = 'for=192.0.2.7;host="a.test:8080";proto=http';
  assert.equal(
    rewritten(`Forwarded: ${element}\r\n`),
    `${start}Forwarded: ${element}, ${hop}\r\n\r\n`,
  );
  // Beside both, what one of them leaves out the other may hold: nothing is filled in.
  const both = `X-Forwarded-For: 198.51.100.1\r\nForwarded: ${element}\r\n`;
  assert.equal(
    rewritten(both),
    `${start}X-Forwarded-For: 198.51.100.1, 192.0.2.7\r\nForwarded: ${element}, ${hop}\r\n\r\n`,
  );
});
