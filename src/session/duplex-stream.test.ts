import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { until, within } from '../../test/support/wait.ts';
import type { SallyportError } from '../errors.ts';
import { DUPLEX_WINDOW_BYTES } from '../limits.ts';
import { HEADROOM, Slab } from '../net/slab.ts';
import { DuplexStream } from './duplex-stream.ts';
import type { StreamReceiver } from './session.ts';

/** Keeps what it is told. */
class Receiver implements StreamReceiver {
  text = '';
  readonly told: string[] = [];
  stream!: DuplexStream;
  crediting = true;

  data(slab: Slab, start: number, end: number): void {
    this.text += slab.bytes.toString('latin1', start, end);
    if (this.crediting) this.stream.credit(end - start);
  }

  finished(): void {
    this.told.push('finished');
  }

  reset({ code }: SallyportError): void {
    this.told.push(code);
  }

  drained(): void {
    this.told.push('drained');
  }
}

function open(serve?: (far: Duplex) => void) {
  const receiver = new Receiver();
  let far!: Duplex;
  const stream = new DuplexStream(receiver, (duplex) => {
    far = duplex;
    serve?.(duplex);
  });
  receiver.stream = stream;
  const ends: string[] = [];
  stream.onOver = (end) => void ends.push(typeof end === 'string' ? end : end.code);
  return { stream, receiver, far, ends };
}

test('bytes both ways, then both ends in order', async () => {
  const { stream, receiver, far, ends } = open();
  const slab = new Slab(Buffer.from('-'.repeat(HEADROOM) + 'hello'), null);
  stream.write(slab, HEADROOM, HEADROOM + 5);
  slab.bytes.fill(0);
  stream.send(Buffer.from(' world'));
  stream.end();
  let heard = '';
  far.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await once(far, 'end');
  assert.equal(heard, 'hello world');
  assert.ok(!stream.over, 'the other direction goes on');
  far.end('bye');
  await until('it is over', () => stream.over);
  assert.deepEqual([receiver.text, receiver.told, ends], ['bye', ['finished'], ['ok']]);
  assert.deepEqual([stream.bytesSent, stream.bytesReceived], [11, 3]);
});

test('a far end that does not read stops the writer, and starts it again', async () => {
  const { stream, receiver, far } = open();
  const piece = Buffer.alloc(16 * 1024);
  let sent = 0;
  while (stream.writable) {
    stream.send(piece);
    sent += piece.length;
    assert.ok(sent <= 4 * DUPLEX_WINDOW_BYTES, 'it stops');
  }
  far.resume();
  await until('it is told', () => receiver.told.length > 0);
  assert.deepEqual([receiver.told, stream.writable], [['drained'], true]);
  stream.reset();
});

test('a receiver that does not credit stops the far end, and credit starts it again', async () => {
  const { stream, receiver, far } = open();
  receiver.crediting = false;
  const whole = 8 * DUPLEX_WINDOW_BYTES;
  far.write(Buffer.alloc(whole));
  await until('the window is full', () => receiver.text.length >= DUPLEX_WINDOW_BYTES);
  await new Promise((resolve) => void setImmediate(resolve));
  const first = receiver.text.length;
  assert.ok(first <= 2 * DUPLEX_WINDOW_BYTES, `${first} bytes came without credit`);
  receiver.crediting = true;
  stream.credit(first);
  await until('everything has come', () => receiver.text.length === whole);
  stream.reset();
});

test('reset here closes the far end; a close there resets here', async () => {
  const first = open();
  const closed = once(first.far, 'close');
  first.stream.reset();
  await within(5_000, closed);
  assert.deepEqual([first.receiver.told, first.ends], [[], ['closed']]);
  const second = open();
  second.far.destroy(new Error('broken'));
  await until('it is told', () => second.receiver.told.length > 0);
  assert.deepEqual([second.receiver.told, second.ends], [['STREAM_RESET'], ['STREAM_RESET']]);
});

test('a server of node:http takes the far end for a connection', async (t) => {
  const server = http.createServer((request, response) => {
    let size = 0;
    request.on('data', (chunk: Buffer) => (size += chunk.length));
    request.on('end', () => response.end(`${request.method} ${request.url} ${size}`));
  });
  t.after(() => server.closeAllConnections());
  const { stream, receiver } = open((far) => void server.emit('connection', far));
  for (let n = 1; n <= 3; n++) {
    stream.send(Buffer.from(`POST /${n} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde`));
    await until(`answer ${n}`, () => receiver.text.endsWith(`POST /${n} 5`));
  }
  stream.end();
  await until('the server ends its side too', () => stream.over);
});
