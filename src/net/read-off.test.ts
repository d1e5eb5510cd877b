import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { SallyportError } from '../errors.ts';
import { readOff, type ReadOff } from './read-off.ts';

/** Both ends of a connection. */
async function connect(t: TestContext): Promise<{ near: net.Socket; far: net.Socket }> {
  const server = net.createServer({ pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const far = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [net.Socket];
  t.after(() => {
    server.close();
    near.destroy();
    far.destroy();
  });
  for (const socket of [near, far]) socket.on('error', () => {});
  return { near, far };
}

/** A line that ends with a newline. */
const line: ReadOff<string> = {
  parse(bytes) {
    const end = bytes.indexOf('\n');
    if (bytes[0] === 0x21) throw new SallyportError('REQUEST_INVALID', 'line: it shouts');
    return end < 0 ? null : { value: bytes.toString('latin1', 0, end), length: end + 1 };
  },
  maxBytes: 100,
  timeoutMs: 10_000,
  fault: (fault, cause) => new SallyportError('REQUEST_TIMEOUT', `line: ${fault}`, { cause }),
};

test('a value that comes byte by byte; what stands behind it is put back', async (t) => {
  const { near, far } = await connect(t);
  const value = readOff(near, line);
  for (const byte of 'hello') {
    far.write(byte);
    await once(near, 'data');
  }
  far.write('\nrest');
  assert.equal(await value, 'hello');
  assert.ok(near.isPaused());
  assert.equal(near.listenerCount('data'), 0);
  const [rest] = (await once(near.resume(), 'data')) as [Buffer];
  assert.equal(rest.toString(), 'rest');
});

test('two values one after the other, sent together', async (t) => {
  const { near, far } = await connect(t);
  far.write('one\ntwo\n');
  assert.equal(await readOff(near, line), 'one');
  assert.equal(await readOff(near, line), 'two');
});

test('an endless beginning is refused at its limit', async (t) => {
  const { near, far } = await connect(t);
  far.write('x'.repeat(1_000));
  await assert.rejects(readOff(near, line), { message: 'line: long' });
  assert.ok(!near.destroyed, 'the socket is the caller’s to close');
});

test('what the parser throws comes through', async (t) => {
  const { near, far } = await connect(t);
  far.write('!');
  await assert.rejects(readOff(near, line), { code: 'REQUEST_INVALID' });
});

test('an end within it, and a silent peer, are told apart', async (t) => {
  const first = await connect(t);
  first.far.end('half');
  await assert.rejects(readOff(first.near, line), { message: 'line: ended' });
  const second = await connect(t);
  second.far.write('half');
  await assert.rejects(readOff(second.near, { ...line, timeoutMs: 20 }), { message: 'line: late' });
  assert.equal(second.near.listenerCount('close'), 0);
});
