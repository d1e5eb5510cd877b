import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { SallyportError } from '../errors.ts';
import { createLogger, type LoggerOptions } from './logger.ts';

/** A logger whose output is kept. */
function recorded(options: Partial<LoggerOptions> & { tty?: boolean } = {}) {
  const { tty = false, ...rest } = options;
  let output = '';
  const stream = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        output += chunk.toString();
        done();
      },
    }),
    { isTTY: tty },
  );
  const log = createLogger({ level: 'info', format: 'auto', stream, ...rest });
  return { log, output: () => output, line: () => JSON.parse(output) as Record<string, unknown> };
}

describe('JSON lines', () => {
  test('hold level, ISO time, fields and message', () => {
    const { log, output, line } = recorded();
    log.warn({ service: 'box' }, 'agent lost');
    const { time, ...rest } = line();
    assert.deepEqual(rest, { level: 'warn', service: 'box', msg: 'agent lost' });
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(output().endsWith('}\n'));
  });

  test('are only those of the level', () => {
    const { log, output } = recorded({ level: 'warn' });
    log.info('no');
    assert.equal(output(), '');
  });

  test('tell the code of a named failure, and the stack of an unnamed one only', () => {
    const named = recorded();
    named.log.error(
      {
        err: new SallyportError('TARGET_REFUSED', 'target: refused', {
          cause: new Error('ECONNREFUSED'),
        }),
      },
      'failed',
    );
    assert.deepEqual(named.line()['err'], {
      code: 'TARGET_REFUSED',
      message: 'target: refused',
      cause: { message: 'ECONNREFUSED' },
    });
    const unnamed = recorded();
    unnamed.log.error({ err: new TypeError('x is not a function') }, 'failed');
    const { message, stack } = unnamed.line()['err'] as { message: string; stack: string[] };
    assert.equal(message, 'x is not a function');
    assert.match(stack[0], /^at .*logger\.test\.ts/);
  });

  test('a circle of causes ends', () => {
    const { log, line } = recorded();
    const error = new Error('round');
    error.cause = error;
    log.error({ err: error }, 'failed');
    assert.ok(line());
  });
});

describe('pretty lines', () => {
  test('are for terminals, in colour unless NO_COLOR or the caller says otherwise', (t) => {
    const escape = '\u001b[';
    const before = process.env['NO_COLOR'];
    t.after(() => {
      if (before === undefined) delete process.env['NO_COLOR'];
      else process.env['NO_COLOR'] = before;
    });
    const pretty = (options: Parameters<typeof recorded>[0]): string => {
      const { log, output } = recorded(options);
      log.info({ service: 'box' }, 'agent attached');
      return output();
    };
    delete process.env['NO_COLOR'];
    assert.ok(pretty({ tty: true }).includes(escape));
    assert.ok(!pretty({ tty: true, color: false }).includes(escape));
    assert.ok(!pretty({ format: 'pretty' }).includes(escape));
    assert.match(
      pretty({ format: 'pretty' }),
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: agent attached \{"service":"box"\}\n$/,
    );
    assert.ok(pretty({ tty: true, format: 'json' }).startsWith('{"level":"info"'));
    process.env['NO_COLOR'] = '1';
    assert.ok(!pretty({ tty: true }).includes(escape));
  });
});

describe('log forging', () => {
  const hostile = 'box\r\n{"level":"info","msg":"forged"}\n\u001b[2J\u009b31m\u007f\u2028\u202e';
  for (const format of ['json', 'pretty'] as const) {
    test(`a hostile name stays in its line and shows its controls: ${format}`, () => {
      const { log, output } = recorded({ format });
      log.info(
        { service: hostile, err: new Error(hostile), deep: { list: [hostile] } },
        `agent ${hostile}`,
      );
      assert.match(output(), /^[^\p{Cc}\p{Cf}\p{Zl}]+\n$/u);
      assert.match(output(), /box\\+u\{d\}\\+u\{a\}/);
    });
  }

  test('a name of 10 KB is cut', () => {
    const { log, line } = recorded();
    log.info({ service: 'x'.repeat(10_240) }, 'y'.repeat(10_240));
    const { service, msg } = line();
    assert.deepEqual([String(service).length, String(msg).length], [2_049, 2_049]);
  });
});

describe('secrets', () => {
  for (const format of ['json', 'pretty'] as const) {
    test(`no canary comes out, in whatever place it was put: ${format}`, () => {
      const { log, output } = recorded({ format });
      const cause = new Error('connect http://user:CANARY@proxy:3128');
      log.info(
        {
          token: 'CANARY',
          headers: { Authorization: 'CANARY', 'x-token': ['CANARY'] },
          list: [{ password: { deep: 'CANARY' } }],
        },
        'attach',
      );
      log.info('Authorization: Basic CANARY at https://u:CANARY@host/_token/CANARY/x');
      log.error({ err: new Error('sent Bearer CANARY', { cause }) }, 'failed');
      log.child({ key: 'CANARY' }).info('child');
      assert.ok(!output().includes('CANARY'), output());
      assert.equal(output().split('\n').length, 5);
    });
  }
});

test('log lines that were dropped are told of', () => {
  let finish: (() => void) | null = null;
  let output = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      output += chunk.toString();
      finish = done;
    },
    writev(chunks, done) {
      output += chunks.map(({ chunk }) => String(chunk)).join('');
      finish = done;
    },
  });
  const log = createLogger({ level: 'info', format: 'json', stream });
  const fill = 'x'.repeat(2_000);
  for (let i = 0; i < 1_000; i++) log.info(fill);
  return new Promise<void>((resolve) => {
    stream.once('drain', () => {
      setImmediate(() => {
        finish?.();
        const last = JSON.parse(output.trimEnd().split('\n').at(-1)!) as {
          msg: string;
          count: number;
        };
        assert.match(last.msg, /^log lines were dropped/);
        assert.equal(last.count, 1_000 - (output.split('\n').length - 2));
        resolve();
      });
    });
    const drain = (): void => {
      const done = finish;
      finish = null;
      done?.();
      if (done !== null) setImmediate(drain);
    };
    drain();
  });
});
