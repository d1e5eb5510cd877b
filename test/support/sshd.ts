/** An OpenSSH server of a test's own, and the options of `ssh` and `scp` that know it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './files.ts';
import { runPeer, startPeer } from './peer.ts';
import { freePort } from './tcp-targets.ts';

const user = userInfo().username;

export interface Sshd {
  port: number;
  folder: string;
  /** Options of `ssh` and `scp` that know this host by the name `box` and log in with the test's key. */
  options: string[];
}

/** An OpenSSH server on a free port with a host key and a login key of its own. */
export async function startSshd(t: TestContext): Promise<Sshd> {
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
