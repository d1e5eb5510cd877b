/** nginx in the foreground, with a configuration of the test's. */
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './files.ts';
import { startPeer } from './peer.ts';

/** Starts nginx with `servers` as the contents of its http block; the first port named is waited for. */
export async function startNginx(t: TestContext, port: number, servers: string): Promise<void> {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'nginx.conf');
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/${name};`)
    .join('\n');
  writeFileSync(
    file,
    `${userInfo().uid === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
${scratch}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
${servers}
}
`,
  );
  await startPeer(t, ['nginx', '-p', folder, '-e', 'stderr', '-c', file], port);
}
