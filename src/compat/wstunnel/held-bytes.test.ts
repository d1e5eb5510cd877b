import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SallyportError } from '../../errors.ts';
import { HEADROOM, Slab } from '../../net/slab.ts';
import type { UpstreamReceiver } from '../../registry/upstream.ts';
import { createHeldBytes, type HeldBytes } from './held-bytes.ts';
import { MessageStream } from './message-stream.ts';

interface Heard extends UpstreamReceiver {
  readonly errors: SallyportError[];
  text: string;
}

function listen(): Heard {
  const errors: SallyportError[] = [];
  return {
    errors,
    text: '',
    data(slab, start, end) {
      this.text += slab.bytes.toString('latin1', start, end);
    },
    finished() {},
    reset: (error) => void errors.push(error),
    drained() {},
  };
}

function open(held: HeldBytes, heard: Heard): MessageStream {
  return new MessageStream({ held, dispatch() {}, left() {} }, heard);
}

const post = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n';

function arrive(stream: MessageStream, text: string): void {
  const slab = new Slab(Buffer.concat([Buffer.alloc(HEADROOM), Buffer.from(text)]), null);
  stream.response(slab, HEADROOM, slab.bytes.length);
}

test('a request that cannot be held is refused, and gives back what it had', () => {
  const held = createHeldBytes(500);
  const heard = listen();
  const stream = open(held, heard);
  stream.send(Buffer.from(post));
  assert.equal(held.bytes, post.length);
  stream.send(Buffer.alloc(900));
  assert.deepEqual(
    heard.errors.map(({ code }) => code),
    ['SERVER_BUSY'],
  );
  assert.ok(stream.over);
  assert.equal(held.bytes, 0);
});

test('a consumer that leaves gives back what was gathered', () => {
  const held = createHeldBytes(5_000);
  const stream = open(held, listen());
  stream.send(Buffer.from(post));
  stream.reset();
  assert.equal(held.bytes, 0);
});

test('a response counts until it is taken; one that is too much is broken off', () => {
  const held = createHeldBytes(500);
  const heard = listen();
  const stream = open(held, heard);
  arrive(stream, 'HTTP/1.1 200 OK\r\n\r\nhello');
  assert.equal(heard.text, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello');
  assert.equal(held.bytes, heard.text.length);
  stream.credit(heard.text.length);
  assert.equal(held.bytes, 0);
  arrive(stream, 'x'.repeat(400));
  arrive(stream, 'x'.repeat(400));
  assert.equal(heard.errors[0]?.code, 'SERVER_BUSY');
  stream.credit(400);
  stream.credit(400);
  assert.equal(held.bytes, 0);
});
