import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalAddress, canonicalHost } from './host.ts';
import { printable, quoted } from './printable.ts';

describe('canonicalHost', () => {
  const same: [string, string][] = [
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['a_b.internal', 'a_b.internal'],
    ['localhost', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['[0:0:0:0:0:0:0:1]', '::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['1e3.example', '1e3.example'],
  ];
  for (const [text, host] of same) {
    test(`${text} is ${host}`, () => assert.equal(canonicalHost(text), host));
  }

  const refused: [string, string[]][] = [
    ['nothing', ['', '.', '..', 'a..b', '.a', 'a..']],
    [
      'user, port, path',
      ['u@h', 'u:p@h', 'h:80', 'h/', 'h?', 'h#', '[::1]:80', '[::1', '::1]', '[]'],
    ],
    [
      'percent, backslash, space, control',
      ['%61.com', 'a\\b', 'a b', ' a', 'a\t', 'a\n', 'a\0b', 'a\u007f'],
    ],
    [
      'numbers as IPv4',
      [
        '2130706433',
        '0x7f000001',
        '0x7f.1',
        '0177.0.0.1',
        '127.1',
        '127.0.0.01',
        '1.2.3.4.5',
        '256.1.1.1',
      ],
    ],
    ['IPv4 with a trailing dot', ['127.0.0.1.']],
    ['digits of other scripts as IPv4', ['１２７.0.0.1', '127。0。0。1', '①②⑦.0.0.1']],
    ['IPv4 inside IPv6', ['::ffff:127.0.0.1', '[::ffff:7f00:1]', '0:0:0:0:0:ffff:7f00:1']],
    ['zones', ['fe80::1%eth0', '[fe80::1%25eth0]']],
    ['letters that IDNA turns into syntax', ['a℀b.com', 'a／b', 'a＠b', 'a：80', 'a％b']],
    ['labels that look like options', ['-oProxyCommand', 'a.-b', 'a-.b']],
    ['labels and names that are too long', [`${'a'.repeat(64)}.com`, 'a.'.repeat(127) + 'aa']],
  ];
  for (const [what, texts] of refused) {
    test(`refuses ${what}`, () => {
      for (const text of texts) assert.equal(canonicalHost(text), null, JSON.stringify(text));
    });
  }

  test('gives a fixed point, or nothing, for any text', () => {
    const hostish = fc.string({
      unit: fc.constantFrom(...'aZ0.-_x:[]@%/ ü１。f'.split('')),
      maxLength: 24,
    });
    fc.assert(
      fc.property(
        fc.oneof(hostish, fc.string({ unit: 'binary' }), fc.domain(), fc.ipV4Extended(), fc.ipV6()),
        (text) => {
          const host = canonicalHost(text);
          if (host === null) return;
          assert.equal(canonicalHost(host), host);
          assert.match(host, /^[a-z0-9_.:-]+$/);
          assert.doesNotMatch(host, /\.$/);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('takes every domain name, whatever its case', () => {
    fc.assert(
      fc.property(fc.domain(), (domain) =>
        assert.equal(canonicalHost(`${domain.toUpperCase()}.`), domain.toLowerCase()),
      ),
    );
  });
});

describe('canonicalAddress', () => {
  test('makes plain IPv4 of an IPv4 peer of a dual-stack socket', () => {
    assert.equal(canonicalAddress('::ffff:10.0.0.1'), '10.0.0.1');
    assert.equal(canonicalAddress('::FFFF:a00:1'), '10.0.0.1');
  });

  test('is null for names, zones and odd numbers', () => {
    for (const text of ['localhost', 'fe80::1%eth0', '0177.0.0.1', '', '[::1]'])
      assert.equal(canonicalAddress(text), null, text);
  });

  test('gives one spelling to all spellings of an IPv6 address', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), (words) => {
        const long = words
          .map((word) => word.toString(16).padStart(4, '0').toUpperCase())
          .join(':');
        const short = words.map((word) => word.toString(16)).join(':');
        const address = canonicalAddress(long);
        assert.equal(canonicalAddress(short), address);
        assert.ok(address !== null && net.isIP(address) > 0);
      }),
    );
  });
});

describe('printable', () => {
  test('shows what could move the cursor, forge a line or hide text', () => {
    assert.equal(
      printable('a\r\nb\u001b[2J\u009b\u007f\u2028\u202e\u200b\ud800'),
      'a\\u{d}\\u{a}b\\u{1b}[2J\\u{9b}\\u{7f}\\u{2028}\\u{202e}\\u{200b}\\u{d800}',
    );
  });

  test('leaves ordinary text alone', () =>
    assert.equal(printable('grüße 日本 🎉 "x" \\'), 'grüße 日本 🎉 "x" \\'));

  test('quoted text ends at its own quote and is short', () => {
    assert.equal(quoted('a"b\\'), '"a\\"b\\\\"');
    assert.equal(quoted('x'.repeat(10_000)).length, 83);
  });
});
