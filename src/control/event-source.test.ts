import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONTROL_EVENT_MAX_CHARS } from '../limits.ts';
import { readMessages, type StreamMessage } from './event-source.ts';

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(text: string, length = text.length): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const message of readMessages(inPieces(Buffer.from(text), Math.max(length, 1))))
    messages.push(message);
  return messages;
}

test('messages are the same in whatever pieces they come', async () => {
  const text =
    ': hello\nretry: 3\nid: a-1\n\nid: a-2\nevent: stream.opened\ndata: {"é":\ndata:1}\n\ndata\r\n\r\n: \rid: 3\r\rdata: cut';
  const expected = [
    { id: 'a-1', event: 'message', data: '' },
    { id: 'a-2', event: 'stream.opened', data: '{"é":\n1}' },
    { id: 'a-2', event: 'message', data: '' },
    { id: '3', event: 'message', data: '' },
  ];
  for (let length = 1; length <= text.length; length++)
    assert.deepEqual(await read(text, length), expected, `pieces of ${length}`);
});

test('whatever comes, it ends', async () => {
  const line = fc.constantFrom('data: x', 'data:', 'id: 1', 'event: e', ':', '', 'x', 'data: é');
  const end = fc.constantFrom('\n', '\r\n', '\r');
  const text = fc.array(fc.tuple(line, end)).map((lines) => lines.flat().join(''));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (all, length) => {
      assert.deepEqual(await read(all, length), await read(all));
    }),
  );
});

test('a message without end is refused', async () => {
  await assert.rejects(read('data: '.padEnd(CONTROL_EVENT_MAX_CHARS + 10, 'x'), 65_536), {
    code: 'PROTOCOL_MESSAGE',
  });
  await assert.rejects(read('data: x\n'.repeat(CONTROL_EVENT_MAX_CHARS / 6), 65_536), {
    code: 'PROTOCOL_MESSAGE',
  });
});
