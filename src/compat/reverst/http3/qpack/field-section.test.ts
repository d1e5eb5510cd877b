import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HTTP_FIELDS_MAX } from '../../../../limits.ts';
import { Http3Error } from '../fault.ts';
import type { Field } from '../field.ts';
import { decodeFields } from './decode.ts';
import { encodeFields } from './encode.ts';
import { PrefixedReader, writeInteger } from './prefixed.ts';
import { staticTable } from './static-table.ts';

const SIZE_MAX = 65_536;
const decode = (hex: string, sizeMax = SIZE_MAX) =>
  decodeFields(Buffer.from(hex, 'hex'), 'request', sizeMax);
const named = (name: string) => (error: unknown) =>
  error instanceof Http3Error && error.message.includes(name);
const failed = named('(QPACK_DECOMPRESSION_FAILED)');

test('RFC 9204, appendix B.1: a literal behind the name of an entry', () => {
  assert.deepEqual(decode('0000510b2f696e6465782e68746d6c'), [[':path', '/index.html']]);
});

test('RFC 9204, appendices B.2 to B.4: what needs a dynamic table is refused', () => {
  for (const hex of ['03811011', '050080c181', '000080', '00004000'])
    assert.throws(() => decode(hex), failed, hex);
});

test('the static table has the entries of RFC 9204, appendix A, at their places', () => {
  assert.equal(staticTable.length, 99);
  const some: [number, string, string][] = [
    [0, ':authority', ''],
    [1, ':path', '/'],
    [17, ':method', 'GET'],
    [23, ':scheme', 'https'],
    [25, ':status', '200'],
    [31, 'accept-encoding', 'gzip, deflate, br'],
    [58, 'strict-transport-security', 'max-age=31536000; includesubdomains; preload'],
    [63, ':status', '100'],
    [71, ':status', '500'],
    [85, 'content-security-policy', "script-src 'none'; object-src 'none'; base-uri 'none'"],
    [87, 'expect-ct', ''],
    [98, 'x-frame-options', 'sameorigin'],
  ];
  for (const [index, name, value] of some) assert.deepEqual(staticTable[index], [name, value]);
});

test('entries of the table take one or two bytes', () => {
  for (const [index, field] of staticTable.entries()) {
    const bytes = encodeFields([field]);
    assert.equal(bytes.length, index < 63 ? 3 : 4);
    assert.deepEqual(decodeFields(bytes, 'response', SIZE_MAX), [field]);
  }
});

test('integers: the examples of RFC 7541, appendix C.1, and 62 bits', () => {
  const bytes = Buffer.alloc(8);
  assert.equal(bytes.toString('hex', 0, writeInteger(bytes, 0, 0, 5, 10)), '0a');
  assert.equal(bytes.toString('hex', 0, writeInteger(bytes, 0, 0, 5, 1337)), '1f9a0a');
  assert.equal(bytes.toString('hex', 0, writeInteger(bytes, 0, 0, 8, 42)), '2a');
  const read = (hex: string) =>
    new PrefixedReader(Buffer.from(hex, 'hex'), 'QPACK_DECOMPRESSION_FAILED').integer(5);
  assert.equal(read('1f9a0a'), 1337);
  assert.equal(read('1fe0ffffffffffffff3f'), 2 ** 62 - 1);
  assert.throws(() => read(`1f${'ff'.repeat(10)}00`), failed);
  assert.throws(() => read('1f9a'), failed);
});

test('secrets are marked as never to be put into a table', () => {
  const first = (name: string): number => encodeFields([[name, 'Basic x']])[2];
  assert.equal(first('authorization') & 0xf0, 0x70);
  assert.equal(first('proxy-authorization') & 0xf0, 0x30);
  assert.equal(first('accept') & 0xf0, 0x50);
  assert.equal(first('x-other') & 0xf0, 0x20);
});

const text = (max: number) =>
  fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const tableName = fc.constantFrom(...staticTable.map(([name]) => name));
const anyField = fc.oneof(
  fc.tuple(text(40), text(200)),
  fc.tuple(tableName, text(200)),
  fc.constantFrom(...staticTable),
);

test('any fields come back', () => {
  fc.assert(
    fc.property(fc.array(anyField, { maxLength: 40 }), (fields) => {
      const read = decodeFields(encodeFields(fields), 'request', SIZE_MAX);
      assert.deepEqual(
        read,
        fields.map(([name, value]): Field => [name, value]),
      );
    }),
  );
});

test('any bytes are fields within bounds, or one named error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(2_000), (bytes, sizeMax) => {
      const section = Buffer.concat([Buffer.of(0, 0), bytes]);
      try {
        const fields = decodeFields(section, 'request', sizeMax);
        const size = fields.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
        assert.ok(size <= sizeMax);
      } catch (error) {
        assert.ok(failed(error) || named('(H3_EXCESSIVE_LOAD)')(error), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a section cut off anywhere is an error or the fields before', () => {
  const bytes = encodeFields([
    [':method', 'PATCH'],
    ['x-one', 'a value'],
    ['accept', '*/*'],
  ]);
  for (let end = 0; end < bytes.length; end++) {
    try {
      assert.ok(decodeFields(bytes.subarray(0, end), 'request', SIZE_MAX).length < 3);
    } catch (error) {
      assert.ok(failed(error));
    }
  }
});

test('expansion is bounded: by size, and by the count of fields', () => {
  const one = 'd1';
  assert.equal(decode(`0000${one.repeat(HTTP_FIELDS_MAX + 8)}`).length, HTTP_FIELDS_MAX + 8);
  assert.throws(
    () => decode(`0000${one.repeat(HTTP_FIELDS_MAX + 9)}`),
    named('(H3_EXCESSIVE_LOAD)'),
  );
  assert.equal(decode('0000d1', 42).length, 1);
  assert.throws(() => decode('0000d1', 41), named('(H3_EXCESSIVE_LOAD)'));
});

test('indices beyond the table, a missing string and a negative base are refused', () => {
  const wrong = [
    '0000ff24',
    '00005f5400',
    '000051',
    '00005105',
    '0080',
    '00',
    '',
    '000010',
    '000000',
  ];
  for (const hex of wrong) assert.throws(() => decode(hex), failed, hex);
});
