import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatAddress } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import { forwardedClient } from './forwarded-client.ts';
import { RequestHead } from './request-head.ts';

const trusted = createCidrSet(['10.0.0.0/8', 'fd00::/8']);

/** The client that a request with these field lines comes from, `ip:port`. */
function client(...lines: string[]): string | null {
  const fields = lines.map((line) => `${line}\r\n`).join('');
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`, 'latin1');
  const head = new RequestHead();
  assert.equal(head.parse(bytes, 0, bytes.length), bytes.length);
  const found = forwardedClient(head.fields, bytes, 0, trusted);
  return found && formatAddress(found);
}

const cases: [name: string, lines: string[], expected: string | null][] = [
  ['none of them', [], null],
  ['one address', ['X-Forwarded-For: 192.0.2.1'], '192.0.2.1:0'],
  ['a port is kept', ['X-Forwarded-For: 192.0.2.1:5000'], '192.0.2.1:5000'],
  ['IPv6, bare', ['X-Forwarded-For: 2001:DB8:0::1'], '[2001:db8::1]:0'],
  ['IPv6, in brackets', ['X-Forwarded-For: [2001:db8::1]'], '[2001:db8::1]:0'],
  ['IPv6, with a port', ['X-Forwarded-For: [2001:db8::1]:5000'], '[2001:db8::1]:5000'],
  ['IPv4 inside IPv6', ['X-Forwarded-For: ::ffff:192.0.2.1'], '192.0.2.1:0'],
  ['behind two proxies', ['X-Forwarded-For: 192.0.2.1, 10.0.0.2,fd00::1'], '192.0.2.1:0'],
  [
    'many lines are one list',
    ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 10.0.0.2'],
    '192.0.2.1:0',
  ],
  ['empty elements are none', ['X-Forwarded-For: 192.0.2.1,, ,10.0.0.2,'], '192.0.2.1:0'],
  ['all are trusted', ['X-Forwarded-For: 10.0.0.3, 10.0.0.2'], '10.0.0.3:0'],
  ['an empty list', ['X-Forwarded-For: ,'], null],
  ['spoofed: what the client itself sent', ['X-Forwarded-For: 6.6.6.6, 192.0.2.1'], '192.0.2.1:0'],
  [
    'spoofed: as a proxy',
    ['X-Forwarded-For: 6.6.6.6, 10.0.0.9, 192.0.2.1, 10.0.0.2'],
    '192.0.2.1:0',
  ],
  [
    'spoofed: in a line of its own',
    ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 192.0.2.1'],
    '192.0.2.1:0',
  ],
  ['spoofed: an open quote', ['X-Forwarded-For: "6.6.6.6, 192.0.2.1'], '192.0.2.1:0'],
  [
    'spoofed: Forwarded, which the proxy let through',
    ['Forwarded: for=6.6.6.6', 'X-Forwarded-For: 192.0.2.1'],
    '192.0.2.1:0',
  ],
  [
    'a malformed entry ends the list',
    ['X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.2'],
    '10.0.0.2:0',
  ],
  ['Forwarded', ['Forwarded: for=192.0.2.1;proto=https;by=10.0.0.1'], '192.0.2.1:0'],
  [
    'Forwarded: any case, any place',
    ['Forwarded: Proto=https; FOR=192.0.2.1 ;host="a,b;for=6.6.6.6"'],
    '192.0.2.1:0',
  ],
  ['Forwarded: quoted, with a port', ['Forwarded: for="192.0.2.1:5000"'], '192.0.2.1:5000'],
  ['Forwarded: a hidden port', ['Forwarded: for="192.0.2.1:_x"'], '192.0.2.1:0'],
  ['Forwarded: IPv6', ['Forwarded: for="[2001:db8::1]:5000", for=10.0.0.2'], '[2001:db8::1]:5000'],
  ['Forwarded: many lines', ['Forwarded: for=192.0.2.1', 'Forwarded: for=10.0.0.2'], '192.0.2.1:0'],
  ['Forwarded: spoofed, an open quote', ['Forwarded: for="6.6.6.6, for=192.0.2.1'], '192.0.2.1:0'],
  [
    'Forwarded: spoofed, an open quote behind a proxy',
    ['Forwarded: x=", for=192.0.2.1, for=10.0.0.2'],
    '192.0.2.1:0',
  ],
  ['Forwarded: hidden', ['Forwarded: for=192.0.2.1, for=_gateway, for=10.0.0.2'], '10.0.0.2:0'],
  ['Forwarded: without for', ['Forwarded: for=192.0.2.1, proto=https, for=10.0.0.2'], '10.0.0.2:0'],
  ['Forwarded: for twice', ['Forwarded: for=192.0.2.1;for=6.6.6.6, for=10.0.0.2'], '10.0.0.2:0'],
];
for (const [name, lines, expected] of cases) {
  test(name, () => assert.equal(client(...lines), expected));
}

for (const entry of [
  'a.test',
  '192.0.2',
  '192.0.2.256',
  '192.0.2.1:65536',
  '192.0.2.1:',
  '192.0.2.1 x',
  '[192.0.2.1]',
  '[2001:db8::1',
  'fe80::1%eth0',
  '2001:db8:::1',
  '0x7f.1',
  '"192.0.2.1"',
  'for=192.0.2.1',
]) {
  test(`malformed: ${entry}`, () => assert.equal(client(`X-Forwarded-For: ${entry}`), null));
}

test('whatever stands on the left, the client that the proxies wrote is found', () => {
  const spice = fc.constantFrom(...'",;=\\ []:.1a_'.split(''), 'for=', '6.6.6.6', '10.0.0.1');
  const left = fc.array(spice, { maxLength: 30 }).map((parts) => parts.join(''));
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(
    fc.property(left, port, fc.nat(3), (junk, n, proxies) => {
      const address = `192.0.2.1:${n}`;
      const list = [junk, address, ...Array(proxies).fill('10.0.0.2')];
      assert.equal(client(`X-Forwarded-For: ${list.join(', ')}`), address);
      const elements = [junk, ...list.slice(1).map((entry) => `proto=http;for="${entry}"`)];
      assert.equal(client(`Forwarded: ${elements.join(', ')}`), address);
    }),
    { numRuns: 2_000 },
  );
});

test('a list as long as a head allows takes no time to speak of', { timeout: 5_000 }, () => {
  for (const piece of ['10.0.0.1,', ',', '"', ':', 'for=10.0.0.1,', 'a=;', 'a=b;', '1.']) {
    const list = piece.repeat(30_000 / piece.length);
    client(`X-Forwarded-For: ${list}`);
    client(`Forwarded: ${list}`);
  }
});
