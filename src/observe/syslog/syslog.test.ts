import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { until } from '../../../test/support/wait.ts';
import { LOG_BACKLOG_MAX_BYTES, SYSLOG_MESSAGE_MAX_BYTES } from '../../limits.ts';
import { createLogger } from '../logger.ts';
import { formatSyslogAddress, parseSyslogAddress } from './address.ts';
import { syslogMessage } from './message.ts';
import { openSyslog } from './syslog.ts';

/** RFC 5424, section 6: priority, version, time, host, program, process, no message id, no data. */
const form =
  /^<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) [!-~]{1,255} sallyport \d+ - - ([^]*)$/;

describe('a message', () => {
  test('is that of RFC 5424, with the severity of the line', () => {
    const time = Date.UTC(2026, 0, 31, 23, 59, 59, 7);
    const message = syslogMessage('{"msg":"grüß Gott"}\n', 'warn', time).toString();
    const [, priority, written, text] = form.exec(message)!;
    assert.deepEqual(
      [priority, written, text],
      ['28', '2026-01-31T23:59:59.007Z', '{"msg":"grüß Gott"}'],
    );
    const priorities = (['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const).map(
      (severity) => form.exec(syslogMessage('x', severity).toString())![1],
    );
    assert.deepEqual(priorities, ['26', '27', '28', '30', '31', '31']);
  });

  test('is one line and not too long, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 12_000 }), (text) => {
        const message = syslogMessage(`${text}\n`);
        assert.ok(message.length <= SYSLOG_MESSAGE_MAX_BYTES);
        assert.ok(!message.includes(0x0a));
        assert.equal(message.toString().includes('\ufffd'), text.includes('\ufffd'));
      }),
      { numRuns: 50, examples: [['é'.repeat(SYSLOG_MESSAGE_MAX_BYTES)], ['a\nb']] },
    );
  });
});

describe('an address', () => {
  const right = {
    'udp://loghost:1514': 'udp://loghost:1514',
    'udp://192.0.2.1': 'udp://192.0.2.1:514',
    'tcp://[2001:db8::1]:601': 'tcp://[2001:db8::1]:601',
    'unix:/run/log.sock': 'unix:/run/log.sock',
  };
  for (const [written, meant] of Object.entries(right)) {
    test(written, () => assert.equal(formatSyslogAddress(parseSyslogAddress(written)), meant));
  }
  for (const wrong of [
    'loghost',
    'http://x',
    'unix:log',
    'udp://',
    'udp://a b:1',
    `unix:/${'x'.repeat(200)}`,
  ]) {
    test(`not ${wrong.slice(0, 20)}`, () =>
      assert.throws(() => parseSyslogAddress(wrong), { code: 'USAGE' }));
  }
});

async function receiveDatagrams(t: TestContext) {
  const socket = dgram.createSocket('udp4');
  const messages: string[] = [];
  socket.on('message', (bytes) => messages.push(bytes.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { messages, port: socket.address().port };
}

/** A syslog that takes connections, and can go and come back. */
async function receiveLines(
  t: TestContext,
  where: { path: string } | { port: number; host: string },
) {
  const lines: string[] = [];
  const sockets = new Set<net.Socket>();
  let server: net.Server;
  const start = async (port?: number): Promise<void> => {
    server = net.createServer((socket) => {
      let rest = '';
      sockets.add(socket);
      socket.on('data', (bytes: Buffer) => {
        const parts = (rest + bytes.toString()).split('\n');
        rest = parts.pop()!;
        lines.push(...parts);
      });
      socket.on('error', () => {});
    });
    server.listen(port === undefined ? where : { ...where, port });
    await once(server, 'listening');
  };
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  await start();
  t.after(stop);
  const address = server!.address();
  return { lines, sockets, start, stop, port: typeof address === 'string' ? 0 : address!.port };
}

const fail = (error: Error): never => assert.fail(error);

test('a logger’s lines arrive as datagrams, from the first one on', async (t) => {
  const { messages, port } = await receiveDatagrams(t);
  const sink = openSyslog({ address: { kind: 'udp', host: '127.0.0.1', port }, failed: fail });
  const log = createLogger({ level: 'info', format: 'auto', sinks: [sink] });
  log.info({ a: 1 }, 'first');
  log.error('second');
  await until('both are there', () => messages.length === 2);
  const [first, second] = messages.map((message) => form.exec(message)!);
  assert.equal(first[1], '30');
  assert.match(first[3], /^\{"level":"info",.*"a":1,"msg":"first"\}$/);
  assert.equal(second[1], '27');
  log.info('third');
  await sink.close();
  log.info('after the end');
  await until('the last is there', () => messages.length === 3);
});

test('a datagram that nobody takes is told once, and stops nothing', async (t) => {
  const { messages, port } = await receiveDatagrams(t);
  const gone = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(gone, 'listening');
  const deadPort = gone.address().port;
  gone.close();
  let failures = 0;
  const dead = openSyslog({
    address: { kind: 'udp', host: '127.0.0.1', port: deadPort },
    failed: () => failures++,
  });
  const alive = openSyslog({ address: { kind: 'udp', host: '127.0.0.1', port }, failed: fail });
  t.after(() => Promise.all([dead.close(), alive.close()]));
  const log = createLogger({ level: 'info', format: 'json', sinks: [dead, alive] });
  await until('it is told', () => {
    log.info('word');
    return failures > 0;
  });
  log.info('last');
  await until('the other gets everything', () => messages.at(-1)?.includes('last') === true);
  assert.equal(failures, 1);
});

for (const kind of ['tcp', 'unix'] as const) {
  test(`over ${kind}: lines, also after the syslog was away, with the count of what was lost`, async (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'syslog-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const socketPath = path.join(folder, 'log');
    const syslog = await receiveLines(
      t,
      kind === 'unix' ? { path: socketPath } : { port: 0, host: '127.0.0.1' },
    );
    let failures = 0;
    const sink = openSyslog({
      address:
        kind === 'unix'
          ? { kind, path: socketPath }
          : { kind, host: '127.0.0.1', port: syslog.port },
      failed: () => failures++,
    });
    const log = createLogger({ level: 'info', format: 'json', sinks: [sink] });
    log.info('first');
    await until('it is there', () => syslog.lines.length === 1);
    assert.match(syslog.lines[0], form);
    syslog.stop();
    rmSync(socketPath, { force: true });
    await until('it is noticed', () => {
      log.info('lost');
      return failures > 0;
    });
    await syslog.start(kind === 'tcp' ? syslog.port : undefined);
    const found = (what: string) => () => syslog.lines.some((line) => line.includes(what));
    await until('the count is told', found('log lines were dropped'));
    log.info('again');
    await until('it goes on', found('again'));
    log.info('last');
    await sink.close();
    await until('the last one left', found('last'));
  });
}

test('a syslog that does not read costs lines, not memory, and nobody waits', async (t) => {
  const syslog = await receiveLines(t, { port: 0, host: '127.0.0.1' });
  const sink = openSyslog({
    address: { kind: 'tcp', host: '127.0.0.1', port: syslog.port },
    failed: fail,
  });
  let dropped = 0;
  sink.dropped = (count) => (dropped += count);
  sink.write('first\n');
  await until('it is connected', () => syslog.lines.length === 1);
  for (const socket of syslog.sockets) socket.pause();
  const line = `${'x'.repeat(4_000)}\n`;
  const lines = (16 * LOG_BACKLOG_MAX_BYTES) / line.length;
  const began = performance.now();
  for (let n = 0; n < lines; n++) sink.write(line);
  assert.ok(performance.now() - began < 2_000);
  for (const socket of syslog.sockets) socket.resume();
  await until('the count is told', () => dropped > 0);
  assert.ok(dropped < lines);
  await sink.close();
});
