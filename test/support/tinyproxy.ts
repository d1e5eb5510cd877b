import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './files.ts';
import { startPeer } from './peer.ts';
import { freePort } from './tcp-targets.ts';

/** tinyproxy with the login `ann:hunter2`, which connects to that port only. */
export async function startTinyproxy(t: TestContext, connectPort: number): Promise<number> {
  const port = await freePort();
  const file = path.join(temporaryFolder(t), 'tinyproxy.conf');
  writeFileSync(
    file,
    `${userInfo().uid === 0 ? 'User root\nGroup root' : ''}
Port ${port}
Listen 127.0.0.1
Timeout 600
MaxClients 50
LogLevel Error
Allow 127.0.0.1
BasicAuth ann hunter2
ConnectPort ${connectPort}
`,
  );
  await startPeer(t, ['tinyproxy', '-d', '-c', file], port);
  return port;
}
