import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyTracker } from './body.ts';
import { chunk, lastChunk } from './enchunk.ts';

test('what is written in chunks is read as a whole body', () => {
  const pieces = [chunk(Buffer.from('a')), chunk(Buffer.alloc(0x1234, 7)), lastChunk([])];
  const bytes = Buffer.concat([...pieces, Buffer.from('next')]);
  const body = new BodyTracker('REQUEST_INVALID');
  body.expectChunked();
  assert.equal(body.feed(bytes, 0, bytes.length), bytes.length - 4);
  assert.equal(body.done, true);
});

test('trailers that could be taken for header fields stay behind', () => {
  const trailers: [string, string][] = [
    ['digest', 'abc'],
    ['content-length', '3'],
    ['transfer-encoding', 'chunked'],
    ['host', 'elsewhere'],
  ];
  assert.equal(lastChunk(trailers).toString(), '0\r\ndigest: abc\r\n\r\n');
});
