import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createCidrSet } from './cidr.ts';

describe('createCidrSet', () => {
  const cases: [string, string[], string[]][] = [
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'],
      ['9.255.255.255', '11.0.0.0', '::a00:1'],
    ],
    ['192.0.2.7', ['192.0.2.7', '::ffff:c000:207'], ['192.0.2.8']],
    ['0.0.0.0/0', ['1.2.3.4', '::ffff:1.2.3.4'], ['::1', '::']],
    ['fd00::/8', ['fd00::1', 'fdff::'], ['fe00::', '10.0.0.1']],
    ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1']],
    ['::ffff:10.0.0.0/104', ['10.1.1.1', '::ffff:10.1.1.1'], ['11.0.0.0']],
  ];
  for (const [block, inside, outside] of cases) {
    test(block, () => {
      const has = createCidrSet([block]);
      for (const ip of inside) assert.equal(has(ip), true, ip);
      for (const ip of outside) assert.equal(has(ip), false, ip);
    });
  }

  test('::/0 is every IPv6 address and no IPv4 address in either spelling', () => {
    const has = createCidrSet(['::/0']);
    assert.deepEqual(['::1', '2001:db8::1', '1.2.3.4', '::ffff:1.2.3.4'].map(has), [
      true,
      true,
      false,
      false,
    ]);
  });

  test('an empty set holds nothing, and no set holds what is not an address', () => {
    assert.equal(createCidrSet([])('127.0.0.1'), false);
    const all = createCidrSet(['0.0.0.0/0', '::/0']);
    for (const text of [
      '',
      'localhost',
      '2130706433',
      '0177.0.0.1',
      '127.1',
      'fe80::1%lo',
      '[::1]',
    ])
      assert.equal(all(text), false, text);
  });

  test('refuses entries that are not blocks', () => {
    const entries = [
      '',
      'example.com',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/-1',
      '10.0.0.0/08',
      '10.0.0/8',
      '::/129',
      '[::1]/8',
      '*',
      '::ffff:0:0/95',
      '10.0.0.0/8/8',
    ];
    for (const entry of entries)
      assert.throws(
        () => createCidrSet([entry]),
        { code: 'USAGE', message: /^address block "/ },
        entry,
      );
  });

  test('agrees with arithmetic on IPv4', () => {
    const word = fc.nat(0xffffffff);
    const dotted = (n: number): string =>
      [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
    fc.assert(
      fc.property(word, word, fc.nat(32), (base, other, bits) => {
        const shift = 2 ** (32 - bits);
        // Half of the addresses share the prefix, or hardly any long prefix would ever match.
        const near = Math.floor(base / shift) * shift + (other % shift);
        const has = createCidrSet([`${dotted(base)}/${bits}`]);
        for (const n of [near, other]) {
          assert.equal(has(dotted(n)), Math.floor(n / shift) === Math.floor(base / shift));
        }
      }),
    );
  });
});
