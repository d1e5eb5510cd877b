import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/files.ts';
import { noiseBytes } from '../support/noise.ts';
import { runPeer, startPeer } from '../support/peer.ts';
import { commandLine } from '../support/program.ts';
import { freePort } from '../support/tcp-targets.ts';
import {
  readForwardPort,
  startClient,
  startTunnel,
  testToken,
  type Server,
} from '../support/tunnel.ts';

const MB = 1024 * 1024;
const user = userInfo().username;

interface Sshd {
  port: number;
  folder: string;
  /** Options of `ssh` and `scp` that know this host by the name `box` and log in with the test's key. */
  options: string[];
}

/** An OpenSSH server on a free port with a host key and a login key of its own. */
async function startSshd(t: TestContext): Promise<Sshd> {
  const folder = temporaryFolder(t);
  const at = (name: string): string => path.join(folder, name);
  for (const name of ['host', 'login']) {
    const made = await runPeer(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
    assert.equal(made.code, 0, made.err);
  }
  writeFileSync(at('authorized'), readFileSync(at('login.pub')), { mode: 0o600 });
  writeFileSync(at('known'), `box ${readFileSync(at('host.pub'), 'utf8')}`);
  if (user === 'root') await runPeer(['mkdir', '-p', '/run/sshd']);
  const port = await freePort();
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('authorized')}`,
    'PidFile none',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'StrictModes no',
    'UsePAM no',
    'Subsystem sftp internal-sftp',
  ];
  writeFileSync(at('sshd_config'), `${config.join('\n')}\n`);
  await startPeer(t, ['/usr/sbin/sshd', '-D', '-e', '-f', at('sshd_config')], port);
  const settings = [
    'BatchMode=yes',
    `IdentityFile=${at('login')}`,
    'IdentitiesOnly=yes',
    `UserKnownHostsFile=${at('known')}`,
    'StrictHostKeyChecking=yes',
    'HostKeyAlias=box',
    `User=${user}`,
  ];
  return {
    port,
    folder,
    options: ['-F', 'none', ...settings.flatMap((setting) => ['-o', setting])],
  };
}

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
