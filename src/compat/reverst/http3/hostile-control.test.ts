import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MemoryStream } from '../../../../test/support/byte-streams.ts';
import { against, control, data, request, settings } from '../../../../test/support/http3-peer.ts';
import { HTTP3_CONTROL_FRAME_MAX_BYTES, HTTP3_UNKNOWN_STREAMS_MAX } from '../../../limits.ts';
import { FRAME, frame, frameHead, integerFrame } from './frames.ts';
import { varint } from './varint.ts';

suite('control streams', () => {
  const wrong: [string, 'serves' | 'asks' | 'both', Buffer, string][] = [
    [
      'no SETTINGS first',
      'both',
      Buffer.concat([varint(0), integerFrame(FRAME.GOAWAY, 0)]),
      'H3_MISSING_SETTINGS',
    ],
    [
      'a reserved frame first',
      'both',
      Buffer.concat([varint(0), frame(0x21, settings)]),
      'H3_MISSING_SETTINGS',
    ],
    ['SETTINGS twice', 'both', Buffer.concat([control, settings]), 'H3_FRAME_UNEXPECTED'],
    ['DATA', 'both', Buffer.concat([control, data]), 'H3_FRAME_UNEXPECTED'],
    ['HEADERS', 'both', Buffer.concat([control, request]), 'H3_FRAME_UNEXPECTED'],
    [
      'PUSH_PROMISE',
      'both',
      Buffer.concat([control, frame(FRAME.PUSH_PROMISE, varint(0))]),
      'H3_FRAME_UNEXPECTED',
    ],
    [
      'CANCEL_PUSH',
      'both',
      Buffer.concat([control, integerFrame(FRAME.CANCEL_PUSH, 0)]),
      'H3_ID_ERROR',
    ],
    [
      'MAX_PUSH_ID of a server',
      'asks',
      Buffer.concat([control, integerFrame(FRAME.MAX_PUSH_ID, 1)]),
      'H3_FRAME_UNEXPECTED',
    ],
    [
      'MAX_PUSH_ID that falls',
      'serves',
      Buffer.concat([
        control,
        integerFrame(FRAME.MAX_PUSH_ID, 2),
        integerFrame(FRAME.MAX_PUSH_ID, 1),
      ]),
      'H3_ID_ERROR',
    ],
    [
      'GOAWAY that rises',
      'both',
      Buffer.concat([control, integerFrame(FRAME.GOAWAY, 4), integerFrame(FRAME.GOAWAY, 8)]),
      'H3_ID_ERROR',
    ],
    [
      'GOAWAY of a stream in one direction',
      'asks',
      Buffer.concat([control, integerFrame(FRAME.GOAWAY, 2)]),
      'H3_ID_ERROR',
    ],
    [
      'GOAWAY of two integers',
      'both',
      Buffer.concat([control, frame(FRAME.GOAWAY, Buffer.of(4, 4))]),
      'H3_FRAME_ERROR',
    ],
    [
      'GOAWAY of none',
      'both',
      Buffer.concat([control, frame(FRAME.GOAWAY, Buffer.alloc(0))]),
      'H3_FRAME_ERROR',
    ],
    [
      'a long frame',
      'both',
      Buffer.concat([varint(0), frameHead(FRAME.SETTINGS, HTTP3_CONTROL_FRAME_MAX_BYTES + 1)]),
      'H3_EXCESSIVE_LOAD',
    ],
    ['a push stream to who asks', 'asks', varint(1), 'H3_ID_ERROR'],
    ['a push stream to who serves', 'serves', varint(1), 'H3_STREAM_CREATION_ERROR'],
    [
      'an insertion',
      'both',
      Buffer.concat([varint(2), Buffer.of(0xc0, 0x01, 0x61)]),
      'QPACK_ENCODER_STREAM_ERROR',
    ],
    [
      'an acknowledgement',
      'both',
      Buffer.concat([varint(3), Buffer.of(0x84)]),
      'QPACK_DECODER_STREAM_ERROR',
    ],
    ...[0x2, 0x6, 0x8, 0x9].map((type): [string, 'both', Buffer, string] => [
      `frame ${type} of HTTP/2`,
      'both',
      Buffer.concat([control, frame(type, varint(0))]),
      'H3_FRAME_UNEXPECTED',
    ]),
  ];
  for (const [what, who, bytes, name] of wrong)
    for (const ours of ['serves', 'asks'] as const)
      if (who === 'both' || who === ours)
        test(`${what}, to an end that ${ours}: ${name}`, () => {
          const peer = against(ours);
          peer.uni(bytes);
          assert.equal(peer.closedWith(), name);
          assert.equal(peer.failures.length, 1);
        });

  test('a second stream of a type that there is one of', () => {
    for (const type of [0, 2, 3]) {
      const peer = against('serves');
      peer.uni(varint(type));
      assert.equal(peer.closedWith(), null);
      peer.uni(varint(type));
      assert.equal(peer.closedWith(), 'H3_STREAM_CREATION_ERROR', String(type));
    }
  });

  test('streams that have to last: their end or reset, and a stop of ours', () => {
    for (const type of [0, 2, 3]) {
      const bytes = type === 0 ? control : varint(type);
      const ended = against('serves');
      ended.uni(bytes, true);
      assert.equal(ended.closedWith(), 'H3_CLOSED_CRITICAL_STREAM');
      const reset = against('asks');
      reset.uni(bytes).reset(0);
      reset.memory.run();
      assert.equal(reset.closedWith(), 'H3_CLOSED_CRITICAL_STREAM');
    }
    const stopped = against('serves');
    stopped.memory.streams.server.get(2)!.stop(0);
    stopped.memory.run();
    assert.equal(stopped.closedWith(), 'H3_CLOSED_CRITICAL_STREAM');
  });

  test('unknown frames and types are passed over, up to a number', () => {
    const peer = against('serves');
    peer.uni(
      Buffer.concat([control, frame(0x21, Buffer.alloc(50)), frame(0xf0700, Buffer.alloc(3))]),
    );
    peer.uni(Buffer.concat([varint(0x21), Buffer.alloc(10)]), true);
    peer.uni(Buffer.alloc(0), true);
    const unknown = peer.uni(varint(0x54)) as MemoryStream;
    assert.equal(peer.memory.streams.client.get(unknown.id)!.acts[0], 'stop 0x103');
    for (let i = 2; i < HTTP3_UNKNOWN_STREAMS_MAX; i++) peer.uni(varint(0x21));
    assert.equal(peer.closedWith(), null);
    peer.uni(varint(0x21));
    assert.equal(peer.closedWith(), 'H3_EXCESSIVE_LOAD');
  });
});
