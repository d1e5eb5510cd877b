import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  against,
  data,
  request,
  response,
  settings,
  trailers,
} from '../../../../test/support/http3-peer.ts';
import { frame } from './frames.ts';
import { varint } from './varint.ts';

test('any bytes on any stream: one error at most, every exchange told, nothing left', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(request, response, data, trailers, settings, varint(0), frame(0x21, data)),
  );
  const stream = fc.record({
    uni: fc.boolean(),
    pieces: fc.array(piece, { maxLength: 6 }),
    end: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.constantFrom('serves' as const, 'asks' as const),
      fc.array(stream, { maxLength: 6 }),
      (ours, streams) => {
        const peer = against(ours);
        const answered =
          ours === 'asks'
            ? [peer.answer(Buffer.concat(streams.flatMap(({ pieces }) => pieces)))]
            : [];
        for (const { uni, pieces, end } of streams) {
          if (uni) peer.uni(Buffer.concat(pieces), end);
          else if (ours === 'serves') peer.bidi(Buffer.concat(pieces), end);
        }
        assert.ok(peer.failures.length <= 1);
        assert.equal(peer.memory.client.closes.length, peer.failures.length);
        peer.connection.close();
        assert.equal(peer.connection.active, 0);
        for (const { calls } of [
          ...answered.map(({ got }) => got),
          ...peer.served.map(({ received }) => received),
        ]) {
          const last = calls.filter((call) => call === 'ended' || call.startsWith('failed'));
          assert.ok(last.length >= 1 && last.length <= 2, calls.join());
        }
      },
    ),
    { numRuns: 500 },
  );
});
