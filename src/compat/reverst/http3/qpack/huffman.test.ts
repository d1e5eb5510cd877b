import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { huffmanLength, huffmanTextMax, readHuffman, writeHuffman } from './huffman.ts';

function coded(text: string): Buffer {
  const bytes = Buffer.alloc(huffmanLength(text));
  assert.equal(writeHuffman(bytes, 0, text), bytes.length);
  return bytes;
}

function decoded(bytes: Buffer): string | null {
  const out = Buffer.alloc(huffmanTextMax(bytes.length));
  const length = readHuffman(bytes, 0, bytes.length, out);
  return length < 0 ? null : out.toString('latin1', 0, length);
}

test('the examples of RFC 7541, appendices C.4 and C.6', () => {
  const examples: [string, string][] = [
    ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
    ['no-cache', 'a8eb10649cbf'],
    ['custom-key', '25a849e95ba97d7f'],
    ['custom-value', '25a849e95bb8e8b4bf'],
    ['302', '6402'],
    ['307', '640eff'],
    ['private', 'aec3771a4b'],
    ['gzip', '9bd9ab'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
    ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
    [
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ];
  for (const [text, hex] of examples) {
    assert.equal(coded(text).toString('hex'), hex, text);
    assert.equal(decoded(Buffer.from(hex, 'hex')), text, text);
  }
});

test('every byte has a code of its own', () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
  assert.equal(decoded(coded(all)), all);
});

test('any text comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      assert.equal(decoded(coded(text)), text);
    }),
  );
});

test('a filling of eight bits, one with a zero, and EOS are refused', () => {
  assert.equal(decoded(Buffer.from('ff', 'hex')), null, 'eight bits');
  assert.equal(decoded(Buffer.from('1fff', 'hex')), null, 'a byte too many');
  assert.equal(decoded(Buffer.from('1e', 'hex')), null, 'a zero in the filling');
  assert.equal(decoded(Buffer.from('ffffffff', 'hex')), null, 'EOS');
  assert.equal(decoded(Buffer.from('1f', 'hex')), 'a');
});

test('any bytes are a text that codes to them, or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const text = decoded(Buffer.from(bytes));
      if (text !== null) assert.deepEqual(coded(text), Buffer.from(bytes));
    }),
  );
});
