/** A client of reverst against servers that lie, flood, and break the protocol. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { FRAME, frame } from '../../src/compat/reverst/http3/frames.ts';
import { REVERST_REGISTRATION_MAX_BYTES } from '../../src/limits.ts';
import { printable } from '../../src/net/printable.ts';
import { temporaryFile } from '../support/files.ts';
import { createRecorded, getRequest } from '../support/http3-exchange.ts';
import { memoryOf, startProgram } from '../support/program.ts';
import { runReverstClient } from '../support/reverst-client.ts';
import { startReverstServer, type Verdict } from '../support/reverst-server.ts';
import { startTcpTarget } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';

const ignore = { data() {}, finished() {}, reset() {}, stopped() {}, drained() {} };
const hugeText = Buffer.alloc(5 + REVERST_REGISTRATION_MAX_BYTES, 'x');
hugeText.writeUInt8(0xdb, 0);
hugeText.writeUInt32BE(0x7fff_ffff, 1);

const answers: [name: string, bytes: Buffer][] = [
  ['junk', Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
  ['a value that is too long', hugeText],
  ['values within values without end', Buffer.alloc(100, 0x91)],
];
for (const [name, bytes] of answers) {
  test(`${name} for an answer to the registration is refused, and asked for again`, async (t) => {
    let verdict: Verdict = { bytes };
    const server = await startReverstServer(t, { verdict: () => verdict });
    const { calls } = runReverstClient(t, server);
    await until('it was refused', () => calls.length > 0);
    assert.equal(calls[0], 'lost PROTOCOL_MESSAGE');
    verdict = 'ok';
    await until('it is registered', () => calls.includes('registered'));
  });
}

const violations: [name: string, bytes: Buffer][] = [
  ['a request without a head', frame(FRAME.DATA, Buffer.from('body'))],
  ['settings on the stream of a request', frame(FRAME.SETTINGS, Buffer.alloc(0))],
];
for (const [name, bytes] of violations) {
  test(`${name} costs the server its connection, and the client comes again`, async (t) => {
    const server = await startReverstServer(t);
    const { calls, errors } = runReverstClient(t, server);
    await until('it is registered', () => calls.length === 1);
    server.clients[0].streams.openBidi(ignore).write(bytes);
    await until('it is registered again', () => calls.length === 3);
    assert.match(errors[0]!.message, /HTTP\/3/);
    assert.equal(server.ends[0].code, 0x105);
  });
}

test('what a server says at the end cannot forge a line or command a terminal', async (t) => {
  const reason = 'bad\r\n{"level":"info"}\u001b[2J';
  const server = await startReverstServer(t, { verdict: () => ({ close: 0x1, reason }) });
  const { errors } = runReverstClient(t, server);
  await until('it was refused', () => errors.length > 0);
  assert.equal(printable(errors[0]!.message), errors[0]!.message);
});

test('requests whose responses nobody reads take a bounded memory, and others are served', async (t) => {
  const flood = Buffer.alloc(64 * 1024, 'x');
  let poured = 0;
  const target = await startTcpTarget(t, (socket) => {
    socket.once('data', (bytes) => {
      const head = 'HTTP/1.1 200 OK\r\n';
      if (bytes.includes('/small')) {
        socket.end(`${head}Content-Length: 5\r\n\r\nsmall`);
        return;
      }
      socket.write(`${head}\r\n`);
      const pour = (): void => {
        do poured += flood.length;
        while (!socket.destroyed && socket.write(flood));
      };
      socket.on('drain', pour);
      pour();
    });
  });
  const { program, server } = await startHttp(t, target.port);
  const [{ http3 }] = server.clients;
  const before = memoryOf(program.pid);
  for (let n = 0; n < 40; n++)
    http3.request({ ...getRequest, path: '/flood' }, createRecorded()).end();
  await until('all are under way', () => target.open.size === 40);
  let last = 0;
  let still = 0;
  await until('nothing is poured any more', () => {
    still = poured === last ? still + 1 : 0;
    last = poured;
    return last > 0 && still === 30;
  });
  const grown = memoryOf(program.pid) - before;
  assert.ok(grown < 100 * 1024 * 1024, `${grown} bytes`);
  const got = createRecorded();
  const small = http3.request({ ...getRequest, path: '/small' }, got);
  small.end();
  await until('it is served', () => got.trailers !== null);
  assert.equal(got.text, 'small');
});

async function startHttp(t: TestContext, port: number) {
  const server = await startReverstServer(t);
  const ca = temporaryFile(t, 'ca.pem', server.certificate.cert);
  const where = ['-a', `127.0.0.1:${server.port}`, '-n', 'localhost', '-c', ca];
  const program = startProgram(t, ['reverst', 'http', ...where, String(port)]);
  await until('it is registered', () => server.clients.length === 1, 20_000);
  return { program, server };
}
