import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, parseDialAddress, parseListenAddress } from './address.ts';
import { canonicalHost } from './host.ts';

const usage = (message: RegExp) => ({ code: 'USAGE', message });

describe('parseListenAddress', () => {
  const forms: [string, string, number][] = [
    ['8080', '0.0.0.0', 8080],
    [':8080', '0.0.0.0', 8080],
    ['0', '0.0.0.0', 0],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['Localhost:80', 'localhost', 80],
    ['[::1]:443', '::1', 443],
    ['[::]:443', '::', 443],
  ];
  for (const [text, host, port] of forms) {
    test(text, () => assert.deepEqual(parseListenAddress(text, '0.0.0.0'), { host, port }));
  }
});

describe('parseDialAddress', () => {
  const refused: [string, RegExp][] = [
    ['', /port is missing/],
    ['host', /port is missing/],
    ['[::1]', /port is missing/],
    ['3000', /port is missing/],
    [':3000', /host is missing/],
    ['::1:3000', /needs brackets/],
    ['a:b:1', /needs brackets/],
    ['host:', /number from 1/],
    ['host:0', /number from 1/],
    ['host:65536', /number from 1/],
    ['host:080', /number from 1/],
    ['host:+80', /number from 1/],
    ['host:8e1', /number from 1/],
    ['host: 80', /number from 1/],
    ['u@host:80', /not a host name/],
    ['0x7f.1:80', /not a host name/],
    ['[127.0.0.1]:80', /not a host name/],
    ['[::ffff:127.0.0.1]:80', /not a host name/],
  ];
  for (const [text, why] of refused) {
    test(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseDialAddress(text), usage(why)));
  }

  test('names what it parses and shows it safely', () => {
    assert.throws(
      () => parseDialAddress('a\u001b[2Jb', 'target'),
      usage(/^target "a\\u\{1b\}\[2Jb": /),
    );
  });

  test('reads back what formatAddress writes', () => {
    const host = fc
      .oneof(fc.domain(), fc.ipV4(), fc.ipV6())
      .map(canonicalHost)
      .filter((h) => h !== null);
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (h, port) => {
        const address = { host: h, port };
        assert.deepEqual(parseDialAddress(formatAddress(address)), address);
        assert.deepEqual(parseListenAddress(formatAddress(address), 'unused'), address);
      }),
    );
  });

  test('throws USAGE or gives a canonical address for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'a1:.[]@ 0'.split('')) }),
    );
    fc.assert(
      fc.property(text, (t) => {
        try {
          const { host, port } = parseDialAddress(t);
          assert.equal(canonicalHost(host), host);
          assert.ok(Number.isInteger(port) && port >= 1 && port <= 65_535);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'USAGE');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
