import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { until } from '../../../test/support/wait.ts';
import { connectWires } from '../../../test/support/wires.ts';
import { CALLBACK_READER_COMMENT_MS } from '../../limits.ts';
import { ChangesReader } from './changes.ts';
import { createListing } from './listing.ts';

async function follow(t: TestContext, reads = true) {
  const { dialled, accepted } = await connectWires(t, 'onread');
  let heard = '';
  dialled.reader = {
    read(slab, start, end) {
      heard += slab.bytes.toString('utf8', start, end);
      return reads;
    },
    ended() {},
    closed() {},
  };
  const listing = createListing();
  let closed = 0;
  const reader = new ChangesReader(accepted, listing, () => closed++);
  return { listing, reader, wire: accepted, heard: () => heard, closed: () => closed };
}

test('each change is one chunk with one event', async (t) => {
  const { listing, heard } = await follow(t);
  listing.add('a', () => ({ callback_id: 'ä' }));
  const data = '{"event_type":"connected","sequence_num":1,"callback_id":"ä"}';
  const event = `event: boot\ndata: ${data}\n\n`;
  const chunk = `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
  await until('it comes', () => heard().endsWith(chunk));
  assert.match(heard(), /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n/);
});

test('a quiet stream shows that it is alive, and ends in order', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { reader, heard, closed, listing } = await follow(t);
  t.mock.timers.tick(CALLBACK_READER_COMMENT_MS);
  await until('a comment comes', () => heard().endsWith('3\r\n:\n\n\r\n'));
  reader.end();
  await until('the end comes', () => heard().endsWith('0\r\n\r\n'));
  assert.equal(listing.followed, false);
  await until('the socket is gone', () => closed() === 1);
});

test('a reader that reads nothing is cut off', async (t) => {
  const { listing, wire, closed } = await follow(t, false);
  const fields = { filler: 'x'.repeat(100_000) };
  listing.add('a', () => fields);
  for (let n = 0; n < 1_000 && !wire.destroyed; n++) {
    listing.changed('a');
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(wire.destroyed);
  await until('it is told', () => closed() === 1);
  assert.equal(listing.followed, false);
});
