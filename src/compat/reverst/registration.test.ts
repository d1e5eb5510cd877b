import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { REVERST_REGISTRATION_MAX_BYTES } from '../../limits.ts';
import {
  AUTHORIZATION,
  createRequestReader,
  createResponseReader,
  packRequest,
  packResponse,
  type RegistrationRequest,
} from './registration.ts';

const read = (bytes: Uint8Array): RegistrationRequest | null =>
  createRequestReader().push(Buffer.from(bytes));
const authorized = (value: string) => new Map([[AUTHORIZATION, value]]);
const refused = (error: unknown): boolean =>
  error instanceof SallyportError && error.code === 'PROTOCOL_MESSAGE';

const basic =
  '83a756657273696f6ecc01ab54756e6e656c47726f7570af666c6970742e6465762e6c6f63616ca84d6574616461746181ad417574686f72697a6174696f6eb242617369632064584e6c636a707759584e7a';
const bearer =
  '83a756657273696f6ecc01ab54756e6e656c47726f7570a96c6f63616c686f7374a84d6574616461746181ad417574686f72697a6174696f6eb142656172657220736f6d652d746f6b656e';
const without =
  '83a756657273696f6ecc01ab54756e6e656c47726f7570a96c6f63616c686f7374a84d65746164617461c0';
const ok = '84a756657273696f6ecc01a4436f6465cc00a84d65746164617461c0a4426f6479c0';
const unknownGroup =
  '84a756657273696f6ecc01a4436f6465cc03a84d65746164617461c0a4426f6479c41c756e6b6e6f776e2074756e6e656c2067726f75703a20226e6f706522';

test('requests are written byte for byte as the originals do, and read', () => {
  const vectors: [string, string, ReadonlyMap<string, string>][] = [
    [basic, 'flipt.dev.local', authorized('Basic dXNlcjpwYXNz')],
    [bearer, 'localhost', authorized('Bearer some-token')],
    [without, 'localhost', new Map()],
  ];
  for (const [hex, group, metadata] of vectors) {
    assert.equal(packRequest(group, metadata).toString('hex'), hex);
    assert.deepEqual(read(Buffer.from(hex, 'hex')), { version: 1, group, metadata });
  }
});

test('responses are written byte for byte as the originals do, and read', () => {
  const readResponse = (hex: string) => createResponseReader().push(Buffer.from(hex, 'hex'));
  assert.equal(packResponse().toString('hex'), ok);
  const none = { version: 1, metadata: new Map() };
  assert.deepEqual(readResponse(ok), { ...none, code: 0, body: Buffer.alloc(0) });
  const why = 'unknown tunnel group: "nope"';
  assert.deepEqual(readResponse(unknownGroup), { ...none, code: 3, body: Buffer.from(why) });
});

test('a value is whole at its last byte, whatever the pieces, and what follows is left', () => {
  for (const hex of [basic, bearer, without]) {
    const bytes = Buffer.from(hex, 'hex');
    const reader = createRequestReader();
    for (const byte of bytes.subarray(0, -1)) assert.equal(reader.push(Buffer.of(byte)), null);
    assert.notEqual(reader.push(Buffer.concat([bytes.subarray(-1), Buffer.from('more')])), null);
  }
});

test('other encoders: any order and width, arrays, unknown and missing keys, nil', () => {
  const expected = { version: 1, group: 'g', metadata: new Map([['a', 'b']]) };
  const forms: unknown[] = [
    { Metadata: { a: 'b' }, TunnelGroup: 'g', Version: 1 },
    { Version: 1, TunnelGroup: 'g', Metadata: { a: 'b' }, Later: [1, { x: 2 }] },
    [1, 'g', { a: 'b' }],
    { Version: 1, TunnelGroup: Buffer.from('g'), Metadata: { a: 'b' } },
  ];
  for (const form of forms) assert.deepEqual(read(encode(form)), expected);
  const wide = Buffer.from(
    '83a756657273696f6ecf0000000000000001ab54756e6e656c47726f7570d90167a84d65746164617461de0001a161a162',
    'hex',
  );
  assert.deepEqual(read(wide), expected);
  const empty = { version: 0, group: '', metadata: new Map() };
  for (const form of [{}, [], { Version: null, TunnelGroup: null, Metadata: null }])
    assert.deepEqual(read(encode(form)), empty);
});

test('what is no registration is refused', () => {
  const wrong: unknown[] = [
    7,
    'text',
    null,
    { Version: 'x' },
    { Version: 256 },
    { Version: -1 },
    { TunnelGroup: 5 },
    { Metadata: [1] },
    { Metadata: { a: 1 } },
    { Metadata: { a: { b: { c: { d: 1 } } } } },
    Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 1])),
  ];
  for (const form of wrong) assert.throws(() => read(encode(form)), refused, JSON.stringify(form));
  assert.throws(() => read(Buffer.from('8101a161', 'hex')), refused, 'a key that is a number');
  assert.throws(() => read(Buffer.from('c1', 'hex')), refused, 'no format');
});

test('a name of the language is a key like any other', () => {
  const polluted = Buffer.from('81a95f5f70726f746f5f5f81a154a162', 'hex');
  assert.throws(() => read(polluted), refused);
  assert.equal(({} as Record<string, unknown>)['T'], undefined);
});

test('a value that never ends is given up at its bound', () => {
  const reader = createRequestReader();
  assert.equal(reader.push(Buffer.from('81a161dbffffffff', 'hex')), null);
  const half = Buffer.alloc(REVERST_REGISTRATION_MAX_BYTES / 2);
  assert.equal(reader.push(half), null);
  assert.throws(() => reader.push(half), refused);
  assert.throws(() => read(Buffer.alloc(100, 0x91)), refused, 'arrays within arrays');
});

test('any group and metadata come back', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 });
  const key = text.filter((name) => name !== '__proto__');
  fc.assert(
    fc.property(text, fc.array(fc.tuple(key, text), { maxLength: 15 }), (group, pairs) => {
      const metadata = new Map(pairs);
      assert.deepEqual(read(packRequest(group, metadata)), { version: 1, group, metadata });
    }),
  );
});

test('any bytes are a registration, the beginning of one, or one named error', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (pieces) => {
      const reader = createRequestReader();
      try {
        pieces.some((piece) => reader.push(Buffer.from(piece)) !== null);
      } catch (error) {
        assert.ok(refused(error), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('any msgpack value ends where its encoder ended it', () => {
  const value = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.string({ maxLength: 400 }),
      fc.uint8Array({ maxLength: 400 }),
      fc.constant(null),
    ),
    tree: fc.oneof({ maxDepth: 1 }, tie('leaf'), fc.array(tie('leaf'), { maxLength: 20 })),
  })).tree;
  fc.assert(
    fc.property(
      fc.dictionary(
        fc
          .string({ minLength: 1 })
          .filter((k) => !['Version', 'TunnelGroup', 'Metadata', '__proto__'].includes(k)),
        value,
        { maxKeys: 20 },
      ),
      (map) => {
        const bytes = Buffer.from(encode(map));
        const reader = createRequestReader();
        assert.equal(reader.push(bytes.subarray(0, -1)), null);
        assert.notEqual(reader.push(bytes.subarray(-1)), null);
      },
    ),
  );
});
