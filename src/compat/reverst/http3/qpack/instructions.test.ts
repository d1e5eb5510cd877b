import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoderInstructions, encoderInstructions } from './instructions.ts';

test('a capacity of zero is all that an encoder may say', () => {
  encoderInstructions.read(Buffer.from('20', 'hex'));
  // RFC 9204, appendix B.2: a capacity of 220, then an insertion.
  assert.throws(() => encoderInstructions.read(Buffer.from('3fbd01', 'hex')), /ENCODER_STREAM/);
  assert.throws(() => encoderInstructions.read(Buffer.from('c00f', 'hex')), /ENCODER_STREAM/);
});

test('cancellations are all that a decoder may say, in any pieces', () => {
  const instructions = createDecoderInstructions();
  // Cancels streams 8 (appendix B.4) and 1337.
  for (const byte of Buffer.from('487ffa0948', 'hex')) instructions.read(Buffer.of(byte));
  assert.throws(() => instructions.read(Buffer.from('84', 'hex')), /DECODER_STREAM/);
  assert.throws(() => createDecoderInstructions().read(Buffer.from('01', 'hex')), /DECODER_STREAM/);
  const long = Buffer.from(`7f${'ff'.repeat(10)}`, 'hex');
  assert.throws(() => createDecoderInstructions().read(long), /DECODER_STREAM/);
});
