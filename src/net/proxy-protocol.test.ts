import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PROXY_HEADER_MAX_BYTES, PROXY_HEADER_V1_MAX_BYTES } from '../limits.ts';
import { formatAddress } from './address.ts';
import { canonicalAddress } from './host.ts';
import { decodeProxyHeader } from './proxy-protocol-decode.ts';
import { encodeProxyHeader, signatureV2 } from './proxy-protocol.ts';

const text = (header: Buffer): string => header.toString('latin1');
const hex = (header: Buffer): string => header.toString('hex');
const signature = '0d0a0d0a000d0a515549540a';

describe('encodeProxyHeader', () => {
  test('version 1', () => {
    const asText = (consumer: string, local: string | null): string =>
      text(encodeProxyHeader('v1', consumer, local));
    assert.equal(
      asText('192.168.0.1:56324', '192.168.0.11:443'),
      'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n',
    );
    assert.equal(asText('[2001:DB8::1]:1', '[::]:65535'), 'PROXY TCP6 2001:db8::1 :: 1 65535\r\n');
    assert.equal(
      asText('[::ffff:10.0.0.1]:1', '10.0.0.2:2'),
      'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n',
    );
  });

  test('version 2', () => {
    const asHex = (consumer: string, local: string | null): string =>
      hex(encodeProxyHeader('v2', consumer, local));
    assert.equal(
      asHex('1.2.3.4:258', '5.6.7.8:65535'),
      `${signature}2111000c01020304050607080102ffff`,
    );
    assert.equal(
      asHex('[2001:db8::1]:80', '[::1.2.3.4]:81'),
      `${signature}2121002420010db8${'0'.repeat(23)}1${'0'.repeat(24)}0102030400500051`,
    );
  });

  test('a consumer of no public port is named, its destination left unspecified', () => {
    assert.equal(
      text(encodeProxyHeader('v1', '1.2.3.4:5', null)),
      'PROXY TCP4 1.2.3.4 0.0.0.0 5 0\r\n',
    );
    assert.equal(text(encodeProxyHeader('v1', '[::1]:5', null)), 'PROXY TCP6 ::1 :: 5 0\r\n');
  });

  for (const [why, consumer, local] of [
    ['families differ', '1.2.3.4:5', '[::1]:6'],
    ['the consumer is no address', 'pipe', '1.2.3.4:5'],
    ['the consumer is a name', 'localhost:80', null],
    ['an address has a zone', '[fe80::1%eth0]:1', '[fe80::2]:2'],
    ['a port is none', '1.2.3.4:65536', '1.2.3.4:5'],
    ['a line break hides in it', '1.2.3.4\r\n:5', null],
  ] as const) {
    test(`says that it does not know when ${why}`, () => {
      assert.equal(text(encodeProxyHeader('v1', consumer, local)), 'PROXY UNKNOWN\r\n');
      assert.equal(hex(encodeProxyHeader('v2', consumer, local)), `${signature}20000000`);
    });
  }
});

const port = fc.integer({ min: 0, max: 65_535 });
const ip = fc
  .oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom('::', '::1', '1::', '::102:304', '2001:db8::1:0:0:1'),
  )
  .map((address) => canonicalAddress(address)!);
const endpoint = fc.record({ host: ip, port }).map(formatAddress);
const version = fc.constantFrom<'v1' | 'v2'>('v1', 'v2');
const header = fc.record({ version, source: endpoint, destination: endpoint });

const family = (address: string): boolean => address.startsWith('[');

describe('decodeProxyHeader', () => {
  test('reads back what was written, for any split and whatever follows', () => {
    fc.assert(
      fc.property(
        header,
        fc.uint8Array({ maxLength: 40 }),
        ({ version: v, source, destination }, rest) => {
          const bytes = encodeProxyHeader(v, source, destination);
          for (let n = 0; n < bytes.length; n++)
            assert.equal(decodeProxyHeader(bytes.subarray(0, n)), null);
          const endpoints = family(source) === family(destination) ? { source, destination } : null;
          assert.deepEqual(decodeProxyHeader(Buffer.concat([bytes, rest])), {
            length: bytes.length,
            endpoints,
          });
        },
      ),
    );
  });

  const own: [string, Buffer][] = [
    ['UNKNOWN', line('PROXY UNKNOWN\r\n')],
    ['UNKNOWN and anything', line('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n')],
    ['LOCAL', block(0x20, 0, '')],
    ['LOCAL with addresses', block(0x20, 0x11, '010203040506070800010002')],
    ['LOCAL of an unknown family', block(0x20, 0xff, '00')],
    ['UNSPEC', block(0x21, 0, '')],
    ['UDP over IPv4', block(0x21, 0x12, '010203040506070800010002')],
    ['a Unix socket', block(0x21, 0x31, '00'.repeat(216))],
  ];
  for (const [what, bytes] of own) {
    test(`${what}: the addresses of the connection hold`, () => {
      assert.deepEqual(decodeProxyHeader(bytes), { length: bytes.length, endpoints: null });
    });
  }

  test('skips what stands behind the addresses', () => {
    const bytes = block(0x21, 0x11, '010203040506070800010002040003aabbcc');
    const endpoints = { source: '1.2.3.4:1', destination: '5.6.7.8:2' };
    assert.deepEqual(decodeProxyHeader(bytes), { length: bytes.length, endpoints });
  });

  test('an IPv4 address in IPv6 dress is the IPv4 address', () => {
    const mapped = '00000000000000000000ffff0a000001';
    const bytes = block(0x21, 0x21, `${mapped}${mapped}00010002`);
    assert.equal(decodeProxyHeader(bytes)?.endpoints?.source, '10.0.0.1:1');
  });

  const refused: [string, RegExp, Buffer[]][] = [
    [
      'other protocols',
      /does not begin with one/,
      [
        line('GET / HTTP/1.1\r\n'),
        line('\r\n\r\nG'),
        line('PROXI'),
        line('proxy TCP4'),
        line('PROXY\t'),
        line(' PROXY '),
      ],
    ],
    [
      'a line that does not end',
      /no line end within 107/,
      [line(`PROXY UNKNOWN ${'x'.repeat(100)}`), line(`PROXY TCP4 ${'1'.repeat(95)}\r`)],
    ],
    [
      'a bare line end',
      /CR LF/,
      [
        line('PROXY UNKNOWN\n'),
        line('PROXY UNKNOWN\rx'),
        line('PROXY UN\nKNOWN\r\n'),
        line('PROXY UN\rKNOWN\r\n'),
      ],
    ],
    [
      'families',
      /TCP4, TCP6 or UNKNOWN/,
      [
        line('PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n'),
        line('PROXY tcp4 1.2.3.4 1.2.3.4 1 1\r\n'),
        line('PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n'),
        line('PROXY UNKNOWNX\r\n'),
      ],
    ],
    [
      'too few or too many words',
      /must follow/,
      [
        line('PROXY TCP4\r\n'),
        line('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'),
        line('PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n'),
        line('PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n'),
      ],
    ],
    [
      'addresses',
      /is not an address/,
      [
        line('PROXY TCP4 1.2.3.04 1.2.3.4 1 1\r\n'),
        line('PROXY TCP4 ::1 ::1 1 1\r\n'),
        line('PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n'),
        line('PROXY TCP4  1.2.3.4 1 1\r\n'),
        line('PROXY TCP6 fe80::1%a ::1 1 1\r\n'),
        line('PROXY TCP4 localhost 1.2.3.4 1 1\r\n'),
      ],
    ],
    [
      'ports',
      /is not a port/,
      [
        line('PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n'),
        line('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n'),
        line('PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n'),
        line('PROXY TCP4 1.2.3.4 1.2.3.4 1e1 1\r\n'),
      ],
    ],
    [
      'other versions',
      /version is not 2/,
      [block(0x11, 0x11, '00'.repeat(12)), block(0x31, 0x11, '00'.repeat(12))],
    ],
    ['unassigned commands', /command 2 /, [block(0x22, 0x11, '00'.repeat(12))]],
    [
      'unassigned families',
      /family 0x(41|13|ff) /,
      [
        block(0x21, 0x41, '00'.repeat(12)),
        block(0x21, 0x13, '00'.repeat(12)),
        block(0x21, 0xff, '00'.repeat(12)),
      ],
    ],
    [
      'too short a block',
      /cannot hold/,
      [
        block(0x21, 0x11, '00'.repeat(11)),
        block(0x21, 0x21, '00'.repeat(35)),
        block(0x21, 0x31, '00'.repeat(215)),
      ],
    ],
    [
      'too long a block',
      /exceed 536/,
      [block(0x21, 0x11, '00'.repeat(521)), block(0x20, 0, '00'.repeat(65_535))],
    ],
  ];
  for (const [what, why, all] of refused) {
    test(`refuses ${what}`, () => {
      for (const bytes of all)
        assert.throws(
          () => decodeProxyHeader(bytes),
          { code: 'REQUEST_INVALID', message: why },
          text(bytes),
        );
    });
  }

  test('refuses a length it will not hold before the bytes have come', () => {
    assert.throws(() => decodeProxyHeader(block(0x21, 0x11, '00'.repeat(600)).subarray(0, 16)), {
      code: 'REQUEST_INVALID',
    });
  });

  test('fuzz: refused by name, or within the bounds', () => {
    const mutated = fc
      .tuple(header, fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 600 }))
      .map(([{ version: v, source, destination }, at, byte, rest]) => {
        const bytes = Buffer.concat([encodeProxyHeader(v, source, destination), rest]);
        bytes[at % Math.min(bytes.length, 52)] = byte;
        return bytes;
      });
    const raw = fc.uint8Array({ maxLength: 600 });
    const garbage = raw.map((b) => Buffer.from(b));
    const behindSignature = raw.map((b) => Buffer.concat([signatureV2, b]));
    const behindWord = raw.map((b) => Buffer.concat([Buffer.from('PROXY '), b]));
    fc.assert(
      fc.property(fc.oneof(mutated, garbage, behindSignature, behindWord), (bytes) => {
        try {
          const decoded = decodeProxyHeader(bytes);
          if (decoded === null) assert.ok(bytes.length < PROXY_HEADER_MAX_BYTES);
          else
            assert.ok(
              decoded.length <=
                (bytes[0] === 0x50 ? PROXY_HEADER_V1_MAX_BYTES : PROXY_HEADER_MAX_BYTES),
            );
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'REQUEST_INVALID', String(error));
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

function line(words: string): Buffer {
  return Buffer.from(words, 'latin1');
}

function block(command: number, familyByte: number, hexBody: string): Buffer {
  const body = Buffer.from(hexBody, 'hex');
  return Buffer.concat([
    signatureV2,
    Buffer.from([command, familyByte, body.length >> 8, body.length & 0xff]),
    body,
  ]);
}
