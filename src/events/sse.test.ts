import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createEventFilter } from './filter.ts';
import { createEventLog, type EventLog } from './log.ts';
import { createEventStream, type EventStreamOptions } from './sse.ts';

interface Message {
  id?: string;
  event?: string;
  data?: string;
  retry?: string;
}

/** Reads a stream of events the way EventSource does: field by field, up to the empty line. */
function subscribe(t: TestContext, log: EventLog, options: EventStreamOptions = {}) {
  const reader = createEventStream(log, options).getReader();
  t.after(() => reader.cancel());
  const decoder = new TextDecoder();
  let text = '';
  return {
    cancel: () => reader.cancel(),
    async message(): Promise<Message> {
      while (!text.includes('\n\n')) text += decoder.decode((await reader.read()).value);
      const end = text.indexOf('\n\n');
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      return Object.fromEntries(
        lines
          .filter((line) => !line.startsWith(':'))
          .map((line) => {
            const [name, ...rest] = line.split(': ');
            return [name, rest.join(': ')];
          }),
      );
    },
  };
}

function publish(log: EventLog, count: number): void {
  for (let i = 0; i < count; i++) log.publish('server.draining', { graceMs: i });
}

test('the stream begins with the place where the reader is, then each event is a message', async (t) => {
  const log = createEventLog();
  publish(log, 2);
  const { message } = subscribe(t, log);
  assert.deepEqual(await message(), { retry: '2000', id: `${log.run}-2` });
  publish(log, 1);
  const { id, event, data } = await message();
  assert.deepEqual([id, event], [`${log.run}-3`, 'server.draining']);
  assert.deepEqual(JSON.parse(data!), log.since(2)![0]);
});

test('text from outside cannot forge a message or a field', async (t) => {
  const log = createEventLog();
  const { message } = subscribe(t, log);
  await message();
  const reason = 'x\n\nevent: client.up\r\ndata: {}\u2028\n\n';
  log.publish('auth.failed', { door: 'attach', service: null, peer: '[::1]:1', reason });
  publish(log, 1);
  const { event, data } = await message();
  assert.equal(event, 'auth.failed');
  assert.equal((JSON.parse(data!) as { reason: string }).reason, reason);
  assert.equal((await message()).event, 'server.draining');
});

test('a reader that comes back gets what came since, by the id of a message or the number of a snapshot', async (t) => {
  const log = createEventLog();
  publish(log, 3);
  for (const lastEventId of [`${log.run}-1`, '1']) {
    const { message } = subscribe(t, log, { lastEventId });
    assert.equal((await message()).id, `${log.run}-1`);
    assert.equal((await message()).id, `${log.run}-2`);
    assert.equal((await message()).id, `${log.run}-3`);
  }
});

test('one that comes back too late is told how many events it missed', async (t) => {
  const log = createEventLog({ kept: 2 });
  publish(log, 5);
  const { message } = subscribe(t, log, { lastEventId: `${log.run}-1` });
  await message();
  const { id, event, data } = await message();
  assert.deepEqual([id, event, data], [`${log.run}-3`, 'lagged', '{"missed":2,"seq":3}']);
  assert.equal((await message()).id, `${log.run}-4`);
});

test('one that comes from another run, or from nowhere, is told to look anew', async (t) => {
  const log = createEventLog();
  publish(log, 3);
  for (const lastEventId of ['00000000-1', '9', 'x', '', `${log.run}-4`, `${log.run}-`]) {
    const { message } = subscribe(t, log, { lastEventId });
    assert.equal((await message()).id, `${log.run}-3`);
    const { event, data } = await message();
    assert.deepEqual([event, data], ['lagged', '{"missed":null,"seq":3}'], lastEventId);
  }
});

test('a quiet stream shows that it is alive, and where it is although nothing got through its filter', async (t) => {
  const log = createEventLog();
  const filter = createEventFilter({ types: ['client.*'] });
  const { message } = subscribe(t, log, { filter, keepAliveMs: 20 });
  await message();
  publish(log, 3);
  let last: Message = {};
  for (let n = 0; n < 100 && last.id !== `${log.run}-3`; n++) last = await message();
  assert.deepEqual(last, { id: `${log.run}-3` });
});

test('a reader that takes nothing is not written to without end: it holds one buffer, and lags', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const kept = 500;
  const log = createEventLog({ kept });
  const reader = createEventStream(log, { keepAliveMs: 10 }).getReader();
  t.after(() => reader.cancel());
  for (let turn = 0; turn < 100; turn++) {
    publish(log, 100);
    t.mock.timers.tick(10);
    await new Promise(setImmediate);
  }
  let held = 0;
  let text = '';
  while (!text.includes(`id: ${log.run}-10000\n`)) {
    const { value } = await reader.read();
    held += value!.length;
    text += Buffer.from(value!).toString();
  }
  assert.ok(held < 256 * 1024, `${held} bytes`);
  assert.match(text, /event: lagged\ndata: \{"missed":\d+,"seq":\d+\}/);
});

test('a reader that goes away leaves nothing behind', async (t) => {
  const log = createEventLog();
  let listeners = 0;
  const counted: EventLog = {
    ...log,
    seq: 0,
    first: 1,
    listen(listener) {
      listeners++;
      const end = log.listen(listener);
      return () => {
        listeners--;
        end();
      };
    },
  };
  const { message, cancel } = subscribe(t, counted);
  await message();
  assert.equal(listeners, 1);
  await cancel();
  assert.equal(listeners, 0);
});
