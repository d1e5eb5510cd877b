import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalHost } from '../net/host.ts';
import { parseDialAddress } from '../net/address.ts';
import { formatRule, parseRule } from './rule.ts';

describe('the table of the grammar', () => {
  const source = readFileSync(new URL('./rule.ts', import.meta.url), 'utf8');
  const rows = [...source.matchAll(/^ \* \| `(.+)` +\|(.*)\|(.*)\|(.*)\|(.*)\|(.*)\|$/gm)];

  test('has rows', () => assert.equal(rows.length, 8));

  for (const [, text, ...columns] of rows) {
    const [host, port, key, service, target] = columns.map((column) => column.trim());
    test(text, () =>
      assert.deepEqual(parseRule(text), {
        listen: { host, port: Number(port) },
        key: key === '' ? null : key,
        service,
        target: target === '' ? null : parseDialAddress(target),
      }),
    );
  }
});

describe('parseRule', () => {
  const refused: [string, RegExp][] = [
    ['', /bind address is not said/],
    ['2222', /write PORT:NAME/],
    ['box', /neither|write PORT:NAME/],
    ['box:2222', /write PORT:NAME/],
    [':2222:box', /bind address is not said/],
    ['*:2222:box', /bind address is not said/],
    ['70000:box', /number from 0/],
    ['02222:box', /number from 0/],
    ['localhost:box:2222', /number from 0/],
    ['2222:', /name of the service/],
    ['2222:a b', /name of the service/],
    ['2222:box:22', /target is HOST:PORT/],
    ['2222:box:::1:22', /target is HOST:PORT/],
    ['2222:box:host:22:x', /target is HOST:PORT/],
    ['2222:box:host:0', /number from 1/],
    ['2222:box:[::1:22', /target is HOST:PORT/],
    ['1:2:3:4', /not a host name/],
    ['::1:2222:box', /bind address is not said/],
    ['[::1:2222:box', /neither/],
    ['0x7f.1:2222:box', /neither/],
    ['2222:@box', /key before @/],
    ['2222:@box:x', /must be a number/],
    ['2222:@:443', /host is missing/],
    ['2222:@box:22:x', /key before @|target is HOST:PORT/],
    ['2222:a b@box', /key before @/],
    [`2222:${'k'.repeat(257)}@box`, /key before @/],
    [`2222:${'n'.repeat(129)}`, /name of the service/],
  ];
  for (const [text, why] of refused) {
    test(`refuses ${JSON.stringify(text.slice(0, 30))}`, () =>
      assert.throws(() => parseRule(text), { code: 'USAGE', message: why }));
  }

  test('a key is in no message and in no shown rule', () => {
    for (const text of [
      '2222:CANARY@a b',
      '2222:CANARY@box:22',
      'x y:2222:CANARY@box',
      '2222:CANARY @box',
      '2222:CANARY@@box',
      '2222:@CANARY@box:22',
      'CANARY@2222:box',
    ]) {
      assert.throws(
        () => parseRule(text),
        (error: Error) => !error.message.includes('CANARY'),
        text,
      );
    }
    assert.equal(formatRule(parseRule('2222:CANARY@box')), '127.0.0.1:2222:box');
  });

  const host = fc
    .oneof(fc.domain(), fc.ipV4(), fc.ipV6())
    .map(canonicalHost)
    .filter((h) => h !== null);
  const plain = { noNullPrototype: true } as const;
  const rule = fc.record(
    {
      listen: fc.record({ host, port: fc.nat(65_535) }, plain),
      service: fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
      key: fc.option(fc.stringMatching(/^[!-9;-?A-Z\\^-~]{1,40}$/)),
      target: fc.option(fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) }, plain)),
    },
    plain,
  );

  test('reads back what formatRule writes, and the key where it stands before the name', () => {
    fc.assert(
      fc.property(rule, (r) => {
        const listen = formatRule({ ...r, target: null }).slice(0, -r.service.length);
        const shown = formatRule(r);
        assert.deepEqual(parseRule(shown), { ...r, key: null });
        if (r.key !== null)
          assert.deepEqual(parseRule(`${listen}${r.key}@${shown.slice(listen.length)}`), r);
      }),
      { numRuns: 500 },
    );
  });

  test('throws USAGE or gives a rule for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'a1:.[]@ 0*'.split('')), maxLength: 30 }),
        (text) => {
          try {
            parseRule(text);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'USAGE');
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
