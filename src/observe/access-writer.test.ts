import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { RequestLine, StreamLine } from './access-log.ts';
import { createAccessLog } from './access-writer.ts';
import { createLogger } from './logger.ts';

const stream: StreamLine = {
  id: 's1',
  service: 'box',
  consumer: '192.0.2.1:5000',
  bytesUp: 12,
  bytesDown: 34,
  ms: 1.23456,
  outcome: 'ok',
};
const request: RequestLine = {
  ...stream,
  target: '127.0.0.1:80',
  method: 'GET',
  host: 'box.example',
  path: '/a?b',
  status: 200,
  outcome: 'closed',
};

/** An access log whose output is kept. */
function recorded(format: 'json' | 'pretty', level: 'info' | 'warn' = 'info', enabled = true) {
  let output = '';
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      output += chunk.toString();
      done();
    },
  });
  const logger = createLogger({ level, format, stream: destination });
  return {
    logger,
    log: createAccessLog(logger, enabled),
    async output() {
      await turn();
      return output;
    },
  };
}

function withoutTime(line: string): unknown {
  const { time, ...rest } = JSON.parse(line) as { time: string };
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return rest;
}

describe('JSON', () => {
  test('a stream and a request, each on one line', async () => {
    const { log, output } = recorded('json');
    log.stream(stream);
    log.request(request);
    const lines = (await output()).split('\n');
    assert.deepEqual(lines.slice(0, 2).map(withoutTime), [
      { level: 'info', msg: 'stream', ...stream, ms: 1.235 },
      { level: 'info', msg: 'request', ...request, ms: 1.235 },
    ]);
    assert.equal(lines[2], '');
  });

  test('a failure with its message, secrets masked', async () => {
    const { log, output } = recorded('json');
    log.request({ ...request, outcome: 'STREAM_RESET', error: 'Basic eDp5 at "10.0.0.5"' });
    const { error } = withoutTime(await output()) as RequestLine;
    assert.equal(error, 'Basic *** at "10.0.0.5"');
  });

  test('stands in order with the lines of the logger', async () => {
    const { log, logger, output } = recorded('json');
    log.stream(stream);
    logger.info('between');
    log.stream(stream);
    const messages = (await output())
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    assert.deepEqual(messages, ['stream', 'between', 'stream']);
  });

  test('log forging: no text breaks out of its field', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: fc.constantFrom(...'a"\\\n\r\u001b\u009b\u2028{}:,'.split('')) }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (hostile) => {
        const { log, output } = recorded('json');
        log.request({
          ...request,
          id: hostile,
          service: hostile,
          consumer: hostile,
          target: hostile,
          method: hostile,
          host: hostile,
          path: hostile,
        });
        const line = await output();
        assert.match(line, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+\n$/u);
        const fields = withoutTime(line) as RequestLine;
        assert.equal(Object.keys(fields).length, Object.keys(request).length + 2);
        assert.equal(fields.status, 200);
        assert.ok(
          [
            fields.service,
            fields.consumer,
            fields.target,
            fields.method,
            fields.host,
            fields.path,
          ].every((field) => field === fields.id),
        );
        if (/^[ -~]*$/.test(hostile)) assert.equal(fields.id, hostile);
      }),
      { numRuns: 500 },
    );
  });

  test('a path of 10 KB is cut', async () => {
    const { log, output } = recorded('json');
    log.request({ ...request, path: `/${'x'.repeat(10_240)}` });
    assert.equal((withoutTime(await output()) as RequestLine).path.length, 2_049);
  });
});

test('pretty: readable, one line, controls shown', async () => {
  const { log, output } = recorded('pretty');
  log.request({ ...request, path: '/\u001b[2J\nforged' });
  log.stream(stream);
  const lines = (await output()).split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0], /INFO: GET box\.example\/\\u\{1b\}\[2J\\u\{a\}forged 200 \{/);
  assert.match(lines[1], /INFO: stream \{.*"outcome":"ok"/);
});

test('writes nothing when switched off, or when the level is above info', async () => {
  for (const off of [
    recorded('json', 'info', false),
    recorded('json', 'warn'),
    recorded('pretty', 'warn'),
  ]) {
    off.log.stream(stream);
    off.log.request(request);
    assert.equal(await off.output(), '');
  }
});
