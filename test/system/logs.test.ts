import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram } from '../support/program.ts';
import { startServer, startService } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

function folderOf(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-logs-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

/** The messages of the JSON lines in a text. */
const messages = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

test('log and access lines go to their files, and nothing to stderr', async (t) => {
  const folder = folderOf(t);
  const [log, access] = [path.join(folder, 'server.log'), path.join(folder, 'access.log')];
  const server = await startServer(t, ['--log-file', log, '--access-log-file', access]);
  const origin = await startOrigin(t);
  await startService(t, server, ['http', origin.address, '--name', 'web']);
  await ask({ port: server.port, host: 'web.localhost', path: '/whoami' });
  assert.deepEqual(await server.program.end('SIGTERM'), { code: 0, signal: null });
  assert.equal(server.program.err(), '');
  const said = messages(fs.readFileSync(log, 'utf8'));
  assert.deepEqual(said.slice(0, 3), ['listening', 'attached', 'registered']);
  assert.ok(!said.includes('request'));
  const lines = fs.readFileSync(access, 'utf8');
  assert.ok(messages(lines).every((message) => message === 'request'));
  assert.match(lines, /"path":"\/whoami","status":200/);
});

test('the agent’s log goes to a file and to a syslog at once', async (t) => {
  const syslog = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(syslog, 'listening');
  t.after(() => syslog.close());
  const received: string[] = [];
  syslog.on('message', (bytes) => received.push(bytes.toString()));
  const file = path.join(folderOf(t), 'agent.log');
  const server = await startServer(t);
  const origin = await startOrigin(t);
  const { program } = await startService(t, server, [
    'http',
    origin.address,
    '--name',
    'web',
    '--log-file',
    file,
    '--syslog',
    `udp://127.0.0.1:${syslog.address().port}`,
  ]);
  await until('the syslog has it', () => received.some((line) => line.includes('"registered"')));
  await program.end('SIGTERM');
  assert.match(received[0], /^<30>1 [-\d]+T[\d:.]+Z \S+ sallyport \d+ - - \{"level":"info",/);
  assert.ok(messages(fs.readFileSync(file, 'utf8')).includes('registered'));
  assert.equal(program.err(), '');
});

test('a syslog that is not there is told on stderr, and keeps nothing from working', async (t) => {
  const missing = path.join(folderOf(t), 'no-syslog');
  const server = await startServer(t, ['--syslog', `unix:${missing}`]);
  await until('it is told', () => server.program.err().includes('warning'));
  assert.match(server.program.err(), /^sallyport: warning: syslog unix:\S+: .*ENOENT/);
  assert.equal((await ask({ port: server.port, path: '/healthz' })).status, 200);
});

test('a log file that cannot be opened is refused at the start', async (t) => {
  const folder = folderOf(t);
  const { code, err } = await runProgram(t, [
    'server',
    '--listen',
    '127.0.0.1:0',
    '--log-file',
    folder,
  ]);
  assert.equal(code, 2);
  assert.match(err, /CONFIG_INVALID: log file \S+: cannot be opened for writing: EISDIR/);
});
