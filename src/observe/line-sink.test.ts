import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { LOG_BACKLOG_MAX_BYTES, LOG_BATCH_CHARS } from '../limits.ts';
import { lineSink } from './line-sink.ts';

/** A stream that takes a write only when told to. */
function stuckStream() {
  const writes: string[] = [];
  let finish: (() => void) | null = null;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString());
      finish = done;
    },
  });
  return {
    stream,
    writes,
    async catchUp() {
      const drained = once(stream, 'drain');
      while (finish !== null) {
        const done: () => void = finish;
        finish = null;
        done();
        await turn();
      }
      await drained;
    },
  };
}

describe('lineSink', () => {
  test('is one for each stream', () => {
    const { stream } = stuckStream();
    assert.equal(lineSink(stream), lineSink(stream));
    assert.notEqual(lineSink(stream), lineSink(stuckStream().stream));
  });

  test('writes the lines of one turn at once, in order', async () => {
    const { stream, writes } = stuckStream();
    const sink = lineSink(stream);
    sink.write('one\n');
    sink.write('two\n');
    assert.deepEqual(writes, []);
    await turn();
    assert.deepEqual(writes, ['one\ntwo\n']);
  });

  test('does not wait for the end of the turn with a full batch', () => {
    const { stream, writes } = stuckStream();
    const line = `${'x'.repeat(LOG_BATCH_CHARS / 4)}\n`;
    for (let i = 0; i < 4; i++) lineSink(stream).write(line);
    assert.deepEqual(writes, [line.repeat(4)]);
  });

  test('a stuck reader holds up a bounded number of bytes, and is told what it missed', async () => {
    const { stream, writes, catchUp } = stuckStream();
    const sink = lineSink(stream);
    const told: number[] = [];
    sink.dropped = (count) => told.push(count);
    const line = `${'x'.repeat(999)}\n`;
    const sent = 5_000;
    for (let i = 0; i < sent; i++) sink.write(line);
    assert.ok(stream.writableLength >= LOG_BACKLOG_MAX_BYTES);
    assert.ok(stream.writableLength < LOG_BACKLOG_MAX_BYTES + 2 * LOG_BATCH_CHARS);
    assert.deepEqual(told, []);
    await catchUp();
    const written = writes.join('').length / line.length;
    assert.deepEqual(told, [sent - written]);
    sink.write('after\n');
    sink.flush();
    await turn();
    assert.equal(writes.at(-1), 'after\n');
  });

  test('a stream that fails takes no more lines and throws nothing', async () => {
    let writes = 0;
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        writes++;
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const sink = lineSink(stream);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    sink.write('lost\n');
    await closed;
    sink.write('lost too\n');
    sink.flush();
    await turn();
    assert.equal(writes, 1);
  });
});

const module = new URL('./line-sink.ts', import.meta.url);

function child(body: string) {
  const source = `import { lineSink } from ${JSON.stringify(module)}; const sink = lineSink(process.stderr); ${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('a process that logs to a pipe', () => {
  test('loses no line by exiting', async () => {
    const process = child(`sink.write('last words\\n'); process.exit(3);`);
    const [stderr, [code]] = await Promise.all([text(process.stderr), once(process, 'exit')]);
    assert.deepEqual([stderr, code], ['last words\n', 3]);
  });

  test('is not held up by a reader that does not read', async () => {
    const process = child(`
      for (let i = 0; i < 20_000; i++) sink.write('x'.repeat(999) + '\\n');
      console.log('still here');
      process.exit(0);`);
    process.stderr.pause();
    const [stdout] = await Promise.all([text(process.stdout), once(process, 'exit')]);
    assert.equal(stdout, 'still here\n');
  });

  test('outlives a reader that goes away', async () => {
    const process = child(`
      let rounds = 0;
      const round = () => {
        sink.write('x\\n');
        if (++rounds < 200) setImmediate(round);
        else console.log('still here');
      };
      round();`);
    process.stderr.destroy();
    const [stdout, [code]] = await Promise.all([text(process.stdout), once(process, 'exit')]);
    assert.deepEqual([stdout, code], ['still here\n', 0]);
  });
});
