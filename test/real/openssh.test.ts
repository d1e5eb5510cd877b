import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { noiseBytes } from '../support/noise.ts';
import { runPeer } from '../support/peer.ts';
import { commandLine } from '../support/program.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { startSshd, type Sshd } from '../support/sshd.ts';
import {
  readForwardPort,
  startClient,
  startTunnel,
  testToken,
  type Server,
} from '../support/tunnel.ts';

const MB = 1024 * 1024;
async function startBox(t: TestContext): Promise<{ sshd: Sshd; server: Server; proxy: string[] }> {
  const sshd = await startSshd(t);
  const { server } = await startTunnel(t, ['tcp', `127.0.0.1:${sshd.port}`, '--name', 'box']);
  const connect = commandLine(['connect', '%h', '--server', `ws://127.0.0.1:${server.port}`]);
  return { sshd, server, proxy: ['-o', `ProxyCommand=${connect}`] };
}

const env = { SALLYPORT_TOKEN: testToken };

test('ssh runs a command through connect as its ProxyCommand', async (t) => {
  const { sshd, proxy } = await startBox(t);
  const ssh = await runPeer(['ssh', ...sshd.options, ...proxy, 'box', 'echo ok; exit 3'], { env });
  assert.equal(ssh.out.toString(), 'ok\n', ssh.err);
  assert.equal(ssh.code, 3, 'the exit code of the command');
});

test('scp carries a file there and back through connect, byte for byte', async (t) => {
  const { sshd, proxy } = await startBox(t);
  const at = (name: string): string => path.join(sshd.folder, name);
  const content = noiseBytes(50 * MB);
  writeFileSync(at('original'), content);
  const up = await runPeer(
    ['scp', ...sshd.options, ...proxy, at('original'), `box:${at('there')}`],
    { env },
  );
  assert.equal(up.code, 0, up.err);
  const down = await runPeer(['scp', ...sshd.options, ...proxy, `box:${at('there')}`, at('back')], {
    env,
  });
  assert.equal(down.code, 0, down.err);
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  assert.equal(digest(readFileSync(at('back'))), digest(content));
});

test('ssh keeps a pipe in step through connect: its input, its end, its output', async (t) => {
  const { sshd, proxy } = await startBox(t);
  const input = noiseBytes(20 * MB);
  const ssh = await runPeer(['ssh', ...sshd.options, ...proxy, 'box', 'cat'], { env, input });
  assert.equal(ssh.code, 0, ssh.err);
  assert.ok(input.equals(ssh.out));
});

test('ssh reaches the box through forward', async (t) => {
  const { sshd, server } = await startBox(t);
  const forward = startClient(t, server, ['forward', '0:box', '--json']);
  const port = await forward.line(readForwardPort);
  const words = ['ssh', ...sshd.options, '-p', String(port), '127.0.0.1'];
  const answers = await Promise.all(
    ['one', 'two', 'three'].map((word) => runPeer([...words, `echo ${word}`])),
  );
  assert.deepEqual(
    answers.map(({ out }) => out.toString()),
    ['one\n', 'two\n', 'three\n'],
  );
});

test('ssh keeps its pipe in step over single requests, on both sides of the server', async (t) => {
  const sshd = await startSshd(t);
  const poll = ['--transport', 'longpoll'];
  const words = ['tcp', `127.0.0.1:${sshd.port}`, '--name', 'box', ...poll];
  const { server } = await startTunnel(t, words);
  const url = `ws://127.0.0.1:${server.port}`;
  const proxy = `ProxyCommand=${commandLine(['connect', '%h', '--server', url, ...poll])}`;
  const input = noiseBytes(20 * MB);
  const ssh = await runPeer(['ssh', ...sshd.options, '-o', proxy, 'box', 'cat; exit 3'], {
    env,
    input,
  });
  assert.equal(ssh.code, 3, ssh.err);
  assert.ok(input.equals(ssh.out));
});

test('ssh goes out through tinyproxy with its login, whichever the transport', async (t) => {
  const { sshd, server } = await startBox(t);
  const port = await startTinyproxy(t, server.port);
  const way = ['--server', `ws://127.0.0.1:${server.port}`];
  const login = ['--proxy', `http://ann:hunter2@127.0.0.1:${port}`];
  const input = noiseBytes(5 * MB);
  for (const transport of ['websocket', 'longpoll']) {
    const words = ['connect', '%h', ...way, ...login, '--transport', transport];
    const proxy = `ProxyCommand=${commandLine(words)}`;
    const ssh = await runPeer(['ssh', ...sshd.options, '-o', proxy, 'box', 'cat'], { env, input });
    assert.equal(ssh.code, 0, ssh.err);
    assert.ok(input.equals(ssh.out), transport);
  }
});
