import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalHost } from './host.ts';
import { formatTarget, parseTarget, type Target } from './target.ts';

const tcp = (host: string, port: number, tls = false): Target => ({ kind: 'tcp', host, port, tls });

describe('parseTarget', () => {
  const forms: [string, Target][] = [
    ['3000', tcp('localhost', 3000)],
    ['db.internal:5432', tcp('db.internal', 5432)],
    ['[::1]:22', tcp('::1', 22)],
    ['tcp://10.0.0.1:22', tcp('10.0.0.1', 22)],
    ['http://app', tcp('app', 80)],
    ['http://app/', tcp('app', 80)],
    ['HTTP://App:8080/', tcp('app', 8080)],
    ['http://[::1]', tcp('::1', 80)],
    ['https://app', tcp('app', 443, true)],
    ['https://[::1]:8443', tcp('::1', 8443, true)],
    ['unix:/run/app.sock', { kind: 'unix', path: '/run/app.sock', tls: false }],
    ['unix:/run/a@b?c#d', { kind: 'unix', path: '/run/a@b?c#d', tls: false }],
  ];
  for (const [text, target] of forms) {
    test(text, () => assert.deepEqual(parseTarget(text), target));
  }

  const refused: [string, RegExp][] = [
    ['', /port is missing/],
    ['0', /port is missing/],
    ['host', /port is missing/],
    ['tcp://host', /port is missing/],
    ['http://', /host is missing/],
    ['http://host:', /number from 1/],
    ['http://host:0', /number from 1/],
    ['http://host/path', /has a path/],
    ['http://host//', /has a path/],
    ['host:80/path', /has a path/],
    ['http://host?q', /has a query/],
    ['http://host/?q', /has a path/],
    ['http://host#f', /has a fragment/],
    ['ftp://host:21', /scheme "ftp" is unknown/],
    ['constructor://host:21', /scheme "constructor" is unknown/],
    ['://host:21', /scheme "" is unknown/],
    ['http://h\\evil:80', /not a host name/],
    ['http://2130706433', /not a host name/],
    ['http://[::ffff:127.0.0.1]', /not a host name/],
    ['http://127.0.0.1.', /not a host name/],
    [' 3000', /port is missing/],
    ['http:// host', /not a host name/],
    ['unix:app.sock', /must be absolute/],
    ['unix:', /must be absolute/],
    ['unix:///run/app.sock', /must be absolute/],
    ['unix:/a\0b', /control characters/],
    [`unix:/${'é'.repeat(54)}`, /longer than the 107 bytes/],
  ];
  for (const [text, why] of refused) {
    test(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseTarget(text), { code: 'USAGE', message: why }));
  }

  test('secrets in a URL are refused and never repeated', () => {
    for (const text of [
      'http://user:CANARY@host',
      'CANARY@host:80',
      'http://host?token=CANARY',
      'http://host/?CANARY',
      'ftp://host#CANARY',
      'http://host:x?CANARY',
    ]) {
      assert.throws(
        () => parseTarget(text),
        (error: Error) => !error.message.includes('CANARY'),
        text,
      );
    }
  });

  test('reads back what formatTarget writes', () => {
    const host = fc
      .oneof(fc.domain(), fc.ipV4(), fc.ipV6())
      .map(canonicalHost)
      .filter((h) => h !== null);
    const tcpTarget = fc.record(
      {
        kind: fc.constant('tcp' as const),
        host,
        port: fc.integer({ min: 1, max: 65_535 }),
        tls: fc.boolean(),
      },
      { noNullPrototype: true },
    );
    const unixTarget = fc
      .string({ unit: fc.constantFrom(...'ab/.:@?# '.split('')), maxLength: 40 })
      .filter((rest) => !rest.startsWith('/'))
      .map((rest) => ({ kind: 'unix' as const, path: `/${rest}`, tls: false as const }));
    fc.assert(
      fc.property(fc.oneof(tcpTarget, unixTarget), (target) =>
        assert.deepEqual(parseTarget(formatTarget(target)), target),
      ),
    );
  });

  test('throws USAGE or gives a target for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(
          fc.constantFrom('http://', 'https://', 'tcp://', 'unix:', 'x://', ''),
          fc.string({ unit: fc.constantFrom(...'a1:/.[]@?#\\ '.split('')) }),
        )
        .map((p) => p.join('')),
    );
    fc.assert(
      fc.property(text, (t) => {
        try {
          parseTarget(t);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'USAGE');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
