import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createRecorded, getRequest, okResponse } from '../../../../test/support/http3-exchange.ts';
import {
  against,
  control,
  data,
  headers,
  request,
  response,
  trailers,
} from '../../../../test/support/http3-peer.ts';
import { HTTP3_FIELD_SECTION_MAX_BYTES, HTTP3_INTERIM_MAX } from '../../../limits.ts';
import { H3, Http3Error } from './fault.ts';
import { FRAME, frame, integerFrame, IDLE_FRAME } from './frames.ts';
import { varint } from './varint.ts';

suite('requests', () => {
  test('in whatever pieces they come', () => {
    const bytes = Buffer.concat([
      frame(0x21, Buffer.from('x')),
      request,
      data,
      data,
      trailers,
      frame(0x40, data),
    ]);
    for (let size = 1; size <= bytes.length; size++) {
      const peer = against('serves');
      const stream = peer.bidi(Buffer.alloc(0), false);
      for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size));
      stream.end();
      peer.memory.run();
      const [{ received }] = peer.served;
      assert.deepEqual([received.text, received.trailers], ['bodybody', [['x-sum', '1']]]);
      assert.deepEqual(received.calls, ['body', 'ended']);
    }
  });

  const unexpected: [string, Buffer][] = [
    ['DATA first', data],
    ['DATA behind trailers', Buffer.concat([request, data, trailers, data])],
    ['HEADERS behind trailers', Buffer.concat([request, trailers, trailers])],
    ['PUSH_PROMISE', Buffer.concat([request, frame(FRAME.PUSH_PROMISE, varint(0))])],
    ...[0x2, 0x3, 0x4, 0x6, 0x7, 0x8, 0x9, 0xd].map((type): [string, Buffer] => [
      `frame 0x${type.toString(16)}`,
      Buffer.concat([request, frame(type, varint(0))]),
    ]),
  ];
  for (const [what, bytes] of unexpected)
    test(`${what}: H3_FRAME_UNEXPECTED`, () => {
      const peer = against('serves');
      peer.bidi(bytes);
      assert.equal(peer.closedWith(), 'H3_FRAME_UNEXPECTED');
      for (const { received } of peer.served)
        assert.equal(received.calls.at(-1), 'failed PROTOCOL_FRAME');
      assert.equal(peer.connection.active, 0);
    });

  test('an end within a frame, and fields that cannot be decoded, end the connection', () => {
    const cut = against('serves');
    cut.bidi(request.subarray(0, 5));
    assert.equal(cut.closedWith(), 'H3_FRAME_ERROR');
    const dynamic = against('serves');
    dynamic.bidi(frame(FRAME.HEADERS, Buffer.from('03811011', 'hex')));
    assert.equal(dynamic.closedWith(), 'QPACK_DECOMPRESSION_FAILED');
  });

  test('malformed ones are answered with 400, too large ones with 431; others go on', () => {
    const large = Buffer.alloc(HTTP3_FIELD_SECTION_MAX_BYTES + 1);
    const cases: [Buffer, string, string][] = [
      [headers([':method', 'GET']), '400', 'stop 0x10e'],
      [
        headers(
          [':method', 'GET'],
          [':scheme', 'https'],
          [':authority', 'a'],
          [':path', '/'],
          ['upgrade', 'x'],
        ),
        '400',
        'stop 0x10e',
      ],
      [frame(FRAME.HEADERS, large), '431', 'stop 0x107'],
    ];
    for (const [bytes, status, stop] of cases) {
      const peer = against('serves');
      const stream = peer.bidi(bytes, false);
      const ours = peer.memory.streams.client.get(stream.id)!;
      const sent = headers([':status', status], ['content-length', '0']);
      assert.deepEqual(Buffer.concat(ours.bytes), Buffer.concat([sent, IDLE_FRAME]));
      assert.deepEqual(ours.acts, ['end', stop]);
      assert.equal(ours.uncredited, 0);
      peer.bidi(request);
      assert.deepEqual(peer.served[0].received.calls, ['ended']);
      assert.equal(peer.closedWith(), null);
      assert.equal(peer.connection.active, 1);
    }
  });

  test('an end before the head is answered with 400', () => {
    const peer = against('serves');
    const stream = peer.bidi(Buffer.alloc(0));
    assert.deepEqual(peer.memory.streams.client.get(stream.id)!.acts, ['end']);
    assert.equal(peer.connection.active, 0);
  });

  test('bodies that are not as long as they say fail the one who receives them', () => {
    const sized = headers(
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      ['content-length', '6'],
    );
    for (const bytes of [Buffer.concat([sized, data]), Buffer.concat([sized, data, data])]) {
      const peer = against('serves');
      peer.bidi(bytes);
      assert.equal(peer.served[0].received.calls.at(-1), 'failed REQUEST_INVALID');
      assert.equal(peer.closedWith(), null);
    }
  });

  test('once the response has begun there is no other: the stream is broken off', () => {
    const peer = against('serves');
    const stream = peer.bidi(request, false);
    peer.served[0].exchange.respond(okResponse);
    stream.write(headers([':method', 'x']));
    peer.memory.run();
    assert.deepEqual(peer.memory.streams.client.get(stream.id)!.acts, [
      'reset 0x10e',
      'stop 0x10e',
    ]);
    assert.equal(peer.connection.active, 0);
  });

  test('to an end that asks them: H3_STREAM_CREATION_ERROR', () => {
    const peer = against('asks');
    peer.bidi(request);
    assert.equal(peer.closedWith(), 'H3_STREAM_CREATION_ERROR');
  });
});

suite('responses', () => {
  const bad: [string, Buffer, string][] = [
    ['no head', Buffer.alloc(0), 'RESPONSE_INVALID'],
    ['only an interim one', headers([':status', '100']), 'RESPONSE_INVALID'],
    ['no status', headers(['x-a', 'b']), 'RESPONSE_INVALID'],
    ['101', headers([':status', '101']), 'RESPONSE_INVALID'],
    ['connection', headers([':status', '200'], ['connection', 'close']), 'RESPONSE_INVALID'],
    [
      'a short body',
      Buffer.concat([headers([':status', '200'], ['content-length', '5']), data]),
      'RESPONSE_INVALID',
    ],
    [
      'a long body',
      Buffer.concat([headers([':status', '200'], ['content-length', '3']), data]),
      'RESPONSE_INVALID',
    ],
    ['a body of 204', Buffer.concat([headers([':status', '204']), data]), 'RESPONSE_INVALID'],
    ['pseudo-header fields in trailers', Buffer.concat([response, response]), 'RESPONSE_INVALID'],
    [
      'endless interim ones',
      Buffer.concat(
        Array.from({ length: HTTP3_INTERIM_MAX + 1 }, () => headers([':status', '103'])),
      ),
      'RESPONSE_INVALID',
    ],
  ];
  for (const [what, bytes, code] of bad)
    test(`${what}: ${code}, and the connection goes on`, () => {
      const peer = against('asks');
      const { got } = peer.answer(bytes);
      assert.equal(got.calls.at(-1), `failed ${code}`);
      assert.ok(!got.calls.includes('ended'));
      assert.equal(peer.closedWith(), null);
      assert.equal(peer.connection.active, 0);
      assert.deepEqual(peer.answer(Buffer.concat([response, data])).got.calls, [
        'response 200',
        'body',
        'ended',
      ]);
    });

  test('a body in the response to HEAD is refused, a length is not', () => {
    const sized = headers([':status', '200'], ['content-length', '4']);
    const peer = against('asks');
    assert.deepEqual(peer.answer(sized, true, 'HEAD').got.calls, ['response 200', 'ended']);
    const { got } = peer.answer(Buffer.concat([sized, data]), true, 'HEAD');
    assert.equal(got.calls.at(-1), 'failed RESPONSE_INVALID');
  });

  test('a push promise ends the connection: H3_ID_ERROR', () => {
    const peer = against('asks');
    const { got } = peer.answer(
      Buffer.concat([response, frame(FRAME.PUSH_PROMISE, varint(0))]),
      false,
    );
    assert.equal(peer.closedWith(), 'H3_ID_ERROR');
    assert.deepEqual(got.calls, ['response 200', 'failed PROTOCOL_FRAME']);
  });

  test('GOAWAY fails what was not begun, with the code that says so', () => {
    const peer = against('asks');
    const got = [createRecorded(), createRecorded()];
    for (const one of got) peer.connection.request(getRequest, one).end();
    peer.memory.run();
    peer.uni(Buffer.concat([control, integerFrame(FRAME.GOAWAY, 4)]));
    assert.deepEqual(
      got.map(({ calls }) => calls),
      [[], ['failed STREAM_RESET']],
    );
    assert.ok(got[1].error instanceof Http3Error && got[1].error.h3 === H3.REQUEST_REJECTED);
  });
});
