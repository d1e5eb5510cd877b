import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLong, readLongHeader, shortDestination } from './initial.ts';
import { createRetryTokens } from './retry-token.ts';

const id = (bytes: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((made) => Buffer.from(made));
const upTo20 = fc.integer({ min: 0, max: 20 }).chain(id);

function initial(version: number, destination: Buffer, source: Buffer, token: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = 0xc3;
  head.writeUInt32BE(version, 1);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(0x4000 | token.length);
  const ids = [
    Buffer.from([destination.length]),
    destination,
    Buffer.from([source.length]),
    source,
  ];
  return Buffer.concat([head, ...ids, length, token, Buffer.alloc(30)]);
}

test('ids, version and token of an Initial are read as they were written', () => {
  const token = fc.integer({ min: 0, max: 300 }).chain(id);
  fc.assert(
    fc.property(upTo20, upTo20, token, (destination, source, bytes) => {
      const header = readLongHeader(initial(1, destination, source, bytes))!;
      assert.ok(header.destination.equals(destination));
      assert.ok(header.source.equals(source));
      assert.ok(header.token!.equals(bytes));
      assert.equal(header.version, 1);
    }),
  );
});

test('other versions have ids and no token', () => {
  const header = readLongHeader(
    initial(0x1a2a3a4a, Buffer.from('there'), Buffer.from('here'), Buffer.alloc(0)),
  )!;
  assert.deepEqual([header.version, header.token], [0x1a2a3a4a, null]);
});

test('whatever bytes come, reading them ends, inside of them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const datagram = Buffer.from(bytes);
      if (!isLong(datagram)) {
        assert.equal(shortDestination(datagram)?.length ?? 16, 16);
        return;
      }
      const header = readLongHeader(datagram);
      if (header === null) return;
      assert.ok(header.destination.length <= 20 && header.source.length <= 20);
      assert.ok(header.destination.length + header.source.length + 7 <= datagram.length);
    }),
    { numRuns: 2_000 },
  );
});

test('a cut Initial, and one with ids that are too long, are nothing', () => {
  const whole = initial(1, Buffer.alloc(8), Buffer.alloc(8), Buffer.alloc(10));
  for (let n = 0; n < whole.length - 30; n++)
    assert.equal(readLongHeader(whole.subarray(0, n)), null);
  assert.equal(
    readLongHeader(initial(1, Buffer.alloc(21), Buffer.alloc(8), Buffer.alloc(0))),
    null,
  );
  assert.equal(
    readLongHeader(initial(1, Buffer.alloc(8), Buffer.alloc(21), Buffer.alloc(0))),
    null,
  );
});

test('a Retry token is good for its address, unchanged, and for a while', () => {
  let now = 1_000;
  const tokens = createRetryTokens(() => now);
  const peer = { host: '192.0.2.1', port: 4000 };
  const original = Buffer.from('the original id');
  const token = tokens.make(peer, original);
  assert.ok(tokens.check(peer, token)!.equals(original));
  assert.equal(tokens.check({ ...peer, port: 4001 }, token), null);
  assert.equal(tokens.check({ ...peer, host: '192.0.2.2' }, token), null);
  assert.equal(createRetryTokens(() => now).check(peer, token), null);
  for (let i = 0; i < token.length; i++) {
    const changed = Buffer.from(token);
    changed[i] ^= 1;
    assert.equal(tokens.check(peer, changed), null, `byte ${i}`);
  }
  assert.equal(tokens.check(peer, token.subarray(0, 39)), null);
  now += 11_000;
  assert.equal(tokens.check(peer, token), null);
});
