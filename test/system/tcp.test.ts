import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { noiseBytes } from '../support/noise.ts';
import {
  converse,
  freePort,
  startEcho,
  startGreeter,
  startTcpTarget,
} from '../support/tcp-targets.ts';
import { startClient, startServer, startService, startTunnel } from '../support/tunnel.ts';
import { within } from '../support/wait.ts';

test('--port 0 opens a public port in the server’s range and prints it', async (t) => {
  const echo = await startEcho(t);
  const range = ['--tcp-ports', '28000-28999'];
  const { service } = await startTunnel(
    t,
    ['tcp', echo.address, '--name', 'box', '--port', '0'],
    range,
  );
  const { port } = service.assigned;
  assert.ok(port !== undefined && port >= 28_000 && port <= 28_999, String(port));
  const sent = noiseBytes(4 * 1024 * 1024);
  assert.ok(sent.equals(await converse(port, sent)));
});

test('without --port a service has no public port', async (t) => {
  const echo = await startEcho(t);
  const { service } = await startTunnel(t, ['tcp', echo.address, '--name', 'box']);
  assert.equal(service.assigned.port, undefined);
});

test('a port outside the range is denied with exit code 3, one in use with 4', async (t) => {
  const echo = await startEcho(t);
  const server = await startServer(t, ['--tcp-ports', '27000-27099']);
  const first = await startService(t, server, [
    'tcp',
    echo.address,
    '--name',
    'one',
    '--port',
    '0',
  ]);
  const outside = startClient(t, server, ['tcp', echo.address, '--name', 'two', '--port', '27500']);
  assert.equal((await outside.ended()).code, 3);
  assert.match(outside.err(), /PORT_DENIED/);
  const same = String(first.assigned.port);
  const taken = startClient(t, server, ['tcp', echo.address, '--name', 'two', '--port', same]);
  assert.equal((await taken.ended()).code, 4);
  assert.match(taken.err(), /PORT_TAKEN/);
});

test('each direction ends by itself: the answer may come after the client’s FIN', async (t) => {
  const target = await startTcpTarget(t, (socket) => {
    let heard = 0;
    socket.on('data', (piece) => (heard += piece.length));
    socket.on('end', () => setTimeout(() => socket.end(`heard ${heard}`), 1_000));
  });
  const { service } = await startTunnel(t, ['tcp', target.address, '--name', 'box', '--port', '0']);
  const answer = await within(10_000, converse(service.assigned.port!, noiseBytes(300_000)));
  assert.equal(answer.toString(), 'heard 300000');
});

test('a target that speaks first is heard without a word from the client', async (t) => {
  const greeter = await startGreeter(t, 'SSH-2.0-test\r\n');
  const { service } = await startTunnel(t, [
    'tcp',
    greeter.address,
    '--name',
    'box',
    '--port',
    '0',
  ]);
  const socket = net.connect({ port: service.assigned.port!, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  const [greeting] = (await within(5_000, once(socket, 'data'))) as [Buffer];
  assert.equal(greeting.toString(), 'SSH-2.0-test\r\n');
});

test('a dead target closes the client’s connection at once', async (t) => {
  const dead = await freePort();
  const { service } = await startTunnel(t, ['tcp', String(dead), '--name', 'box', '--port', '0']);
  const answer = await within(
    5_000,
    converse(service.assigned.port!, 'hello').catch(() => null),
  );
  assert.ok(answer === null || answer.length === 0);
});

test('the port is closed when its agent goes, and opened again by the next one', async (t) => {
  const echo = await startEcho(t);
  const server = await startServer(t);
  const words = ['tcp', echo.address, '--name', 'box', '--port'];
  const first = await startService(t, server, [...words, '0']);
  const port = first.assigned.port!;
  await first.program.end('SIGTERM');
  const gone = await converse(port, 'x').then(
    () => 'answered',
    () => 'refused',
  );
  assert.equal(gone, 'refused');
  const second = await startService(t, server, [...words, String(port)]);
  assert.equal(second.assigned.port, port);
  assert.equal((await converse(port, 'again')).toString(), 'again');
});

test('the PROXY protocol tells the target who the consumer is', async (t) => {
  const target = await startTcpTarget(t, (socket) => {
    socket.once('data', (head) => socket.end(head));
  });
  const server = await startServer(t);
  const words = ['tcp', target.address, '--port', '0', '--proxy-protocol'];
  const one = await startService(t, server, [...words, 'v1', '--name', 'one']);
  const two = await startService(t, server, [...words, 'v2', '--name', 'two']);
  const v1 = (await converse(one.assigned.port!, 'hello')).toString();
  assert.match(
    v1,
    new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${one.assigned.port}\r\n`),
  );
  const v2 = await converse(two.assigned.port!, 'hello');
  const signature = Buffer.from([
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
  ]);
  assert.deepEqual(v2.subarray(0, 12), signature);
  assert.deepEqual(
    [...v2.subarray(12, 16)],
    [0x21, 0x11, 0, 12],
    'v2 PROXY, TCP over IPv4, 12 bytes',
  );
  assert.equal(v2.readUInt16BE(16 + 10), two.assigned.port);
});

test('a PROXY header is believed from the listed peers only', async (t) => {
  const target = await startEcho(t);
  const server = await startServer(t, ['--proxy-protocol-from', '127.0.0.5']);
  const words = ['tcp', target.address, '--name', 'box', '--port', '0', '--proxy-protocol', 'v1'];
  const { assigned } = await startService(t, server, words);
  const header = 'PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n';
  const heard = async (localAddress: string): Promise<string> => {
    const socket = net.connect({
      port: assigned.port!,
      host: '127.0.0.1',
      localAddress,
      allowHalfOpen: true,
    });
    socket.end(`${header}hello`);
    let back = '';
    for await (const piece of socket) back += String(piece);
    return back;
  };
  assert.match(await heard('127.0.0.5'), /^PROXY TCP4 203\.0\.113\.9 \S+ 4711 \d+\r\nhello$/);
  const stranger = await heard('127.0.0.6');
  assert.match(stranger, /^PROXY TCP4 127\.0\.0\.6 /, 'a stranger is who it is');
  assert.ok(stranger.endsWith(`\r\n${header}hello`), 'and its header is data');
});
