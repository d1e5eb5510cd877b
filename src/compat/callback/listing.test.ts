import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createListing } from './listing.ts';

test('every change has the next number, followed or not, and the list has that of the last', () => {
  const listing = createListing();
  let count = 0;
  listing.add('a', () => ({ id: 'a', count }));
  assert.equal(listing.sequence, 1);
  const heard: unknown[] = [];
  const stop = listing.follow((json) => heard.push(JSON.parse(json)));
  count = 5;
  listing.changed('a');
  listing.add('b', () => ({ id: 'b' }));
  assert.deepEqual(listing.entries(), [{ id: 'a', count: 5 }, { id: 'b' }]);
  listing.remove('a');
  stop();
  listing.remove('b');
  assert.deepEqual(heard, [
    { event_type: 'updated', sequence_num: 2, id: 'a', count: 5 },
    { event_type: 'connected', sequence_num: 3, id: 'b' },
    { event_type: 'disconnected', sequence_num: 4, id: 'a', count: 5 },
  ]);
  assert.deepEqual([listing.sequence, listing.entries(), listing.followed], [5, [], false]);
});

test('what is not there changes nothing', () => {
  const listing = createListing();
  listing.changed('a');
  listing.remove('a');
  assert.equal(listing.sequence, 0);
});
