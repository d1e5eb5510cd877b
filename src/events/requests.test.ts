import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_TEXT_MAX_CHARS } from '../limits.ts';
import type { RequestLine } from '../observe/access-log.ts';
import { createEventLog } from './log.ts';
import { createRequestEvents } from './requests.ts';

const line: RequestLine = {
  id: 'r1',
  service: 'web',
  consumer: '192.0.2.1:4711',
  method: 'GET',
  host: 'web.localhost',
  path: '/a?token=secret',
  status: 200,
  bytesUp: 1,
  bytesDown: 2,
  ms: 3.5,
  outcome: 'ok',
  error: 'for the log only',
};

function eventsOf(every: number, lines: readonly RequestLine[]) {
  const log = createEventLog();
  const requests = createRequestEvents(log, every);
  for (const each of lines) requests.request(each);
  return log.since(0)!.map(({ seq: _seq, time: _time, ...payload }) => payload);
}

test('a request becomes an event: without its query, and without the words of the log', () => {
  const { id, error: _error, ...rest } = line;
  assert.deepEqual(eventsOf(1, [line]), [
    { type: 'http.request', ...rest, request: id, path: '/a' },
  ]);
});

test('of every N the first', () => {
  const lines = Array.from({ length: 7 }, (_, n) => ({ ...line, id: String(n) }));
  assert.deepEqual(
    eventsOf(3, lines).map((event) => event.type === 'http.request' && event.request),
    ['0', '3', '6'],
  );
});

test('what a client sent is made fit to be shown, and bounded', () => {
  const host = 'a\u001b[2J\u0085';
  const path = `/${'x'.repeat(10_000)}`;
  const [event] = eventsOf(1, [{ ...line, host, path }]);
  assert.ok(event.type === 'http.request');
  assert.equal(event.host, 'a\\u{1b}[2J\\u{85}');
  assert.equal(event.path.length, EVENT_TEXT_MAX_CHARS);
});
