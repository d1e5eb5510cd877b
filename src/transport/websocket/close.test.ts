import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { CONTROL_FRAME_MAX_BYTES } from '../../limits.ts';
import { closeAnswer, closePayload, readClose } from './close.ts';

function withCode(code: number, reason: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

test('an error reads back by name, with as much of its message as fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (message) => {
      const payload = closePayload(new SallyportError('NAME_TAKEN', message));
      assert.ok(payload.length <= CONTROL_FRAME_MAX_BYTES);
      assert.ok(isUtf8(payload.subarray(2)), 'cut between characters');
      const error = readClose(payload)!;
      assert.equal(error.code, 'NAME_TAKEN');
      if (payload.length < CONTROL_FRAME_MAX_BYTES - 4) {
        assert.equal(error.message, message.toWellFormed());
      }
    }),
  );
});

test('the code tells an orderly end, a broken protocol and any other error apart', () => {
  const codeOf = (error: SallyportError | null): number => closePayload(error).readUInt16BE(0);
  assert.equal(codeOf(null), 1000);
  assert.equal(codeOf(new SallyportError('PROTOCOL_FRAME', 'x')), 1002);
  assert.equal(codeOf(new SallyportError('REPLACED', 'x')), 1011);
  assert.equal(closePayload(null).length, 2);
});

test('no payload and code 1000 are an orderly end', () => {
  assert.equal(readClose(Buffer.alloc(0)), null);
  assert.equal(readClose(withCode(1000, 'bye')), null);
});

test('the close of another kind of peer is a lost link, with its words', () => {
  for (const reason of ['', 'going away', 'NOT_A_CODE: x', ': x', 'constructor: x']) {
    const error = readClose(withCode(1001, reason))!;
    assert.equal(error.code, 'LINK_LOST');
    assert.ok(error.message.endsWith(reason === '' ? 'code 1001' : reason), error.message);
  }
});

describe('close codes of RFC 6455, section 7.4', () => {
  const allowed = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ];
  const refused = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
  for (const code of allowed)
    test(`${code} is answered with itself`, () => {
      readClose(withCode(code, 'x'));
      assert.deepEqual(closeAnswer(withCode(code, 'x')), withCode(code));
    });
  for (const code of refused)
    test(`${code} is refused`, () => {
      assert.throws(() => readClose(withCode(code)), { code: 'PROTOCOL_FRAME' });
    });
});

test('half a code and a reason that is not UTF-8 are refused', () => {
  assert.throws(() => readClose(Buffer.from([3])), { code: 'PROTOCOL_FRAME' });
  assert.throws(() => readClose(withCode(1000, Buffer.from([0xc3, 0x28]))), {
    code: 'PROTOCOL_FRAME',
  });
  assert.throws(() => readClose(withCode(1000, Buffer.from([0xed, 0xa0, 0x80]))), {
    code: 'PROTOCOL_FRAME',
  });
});
