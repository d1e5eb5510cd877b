/** The vectors of docs/protocol.md are what the code writes and reads. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { HEADROOM } from '../net/slab.ts';
import * as yamux from '../session/yamux/frame.ts';
import { fieldNames, pollFields } from '../transport/longpoll/messages.ts';
import { applyMask, OPCODE_BINARY, writeHeader } from '../transport/websocket/frame.ts';
import { encodeMessage } from './message-reader.ts';

const page = fs.readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const documented = new Map(
  [...page.matchAll(/^hex (\S+) +([0-9a-f ]+)$/gm)].map(([, name, bytes]) => [name, bytes.trim()]),
);

function hex(bytes: Buffer): string {
  return bytes.toString('hex').replace(/..(?=.)/g, '$& ');
}

function webSocketFrame(payload: string, key: number | null): Buffer {
  const bytes = Buffer.alloc(HEADROOM + payload.length);
  bytes.write(payload, HEADROOM);
  if (key !== null) applyMask(bytes, HEADROOM, bytes.length, key, 0);
  return bytes.subarray(writeHeader(bytes, HEADROOM, bytes.length, 0, key, OPCODE_BINARY));
}

function yamuxFrame(type: number, flags: number, id: number, length: number, payload = ''): Buffer {
  const header = Buffer.alloc(yamux.FRAME_HEADER_BYTES);
  yamux.writeFrameHeader(header, 0, type, flags, id, length);
  return Buffer.concat([header, Buffer.from(payload)]);
}

function pollProof(): Buffer {
  const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
  const words = { number: 7, at: 1_000, ack: 42 };
  const fields = pollFields(secret, 'POST', '0123456789abcdef01234567', words);
  return Buffer.from(fields[fieldNames.proof], 'base64url');
}

const written = new Map([
  ['frame/server', webSocketFrame('abc', null)],
  ['frame/client-zero', webSocketFrame('abc', 0)],
  ['frame/client-mask', webSocketFrame('abc', Buffer.from('37fa213d', 'hex').readInt32LE())],
  ['window/syn', yamuxFrame(yamux.TYPE_WINDOW, yamux.FLAG_SYN, 1, 0)],
  ['window/ack', yamuxFrame(yamux.TYPE_WINDOW, yamux.FLAG_ACK, 1, 0)],
  ['window/grow', yamuxFrame(yamux.TYPE_WINDOW, 0, 1, 128 * 1024)],
  ['window/fin', yamuxFrame(yamux.TYPE_WINDOW, yamux.FLAG_FIN, 1, 0)],
  ['window/rst', yamuxFrame(yamux.TYPE_WINDOW, yamux.FLAG_RST, 1, 0)],
  ['data/abc', yamuxFrame(yamux.TYPE_DATA, 0, 1, 3, 'abc')],
  ['ping/ask', yamuxFrame(yamux.TYPE_PING, yamux.FLAG_SYN, 0, 7)],
  ['ping/answer', yamuxFrame(yamux.TYPE_PING, yamux.FLAG_ACK, 0, 7)],
  ['go-away', yamuxFrame(yamux.TYPE_GO_AWAY, 0, 0, yamux.GO_AWAY_NORMAL)],
  ['message/drain', encodeMessage({ type: 'drain' })],
  ['message/ok', encodeMessage({ ok: true })],
  ['poll/proof', pollProof()],
]);

test('docs/protocol.md documents every vector, and no other', () => {
  assert.deepEqual([...documented.keys()].toSorted(), [...written.keys()].toSorted());
});

for (const [name, bytes] of written) {
  test(`vector ${name}`, () => assert.equal(hex(bytes), documented.get(name)));
}
