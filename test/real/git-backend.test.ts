import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/files.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes } from '../support/noise.ts';
import { runPeer } from '../support/peer.ts';
import { startTunnel } from '../support/tunnel.ts';

const host = 'git.localhost';

test('git clones from and pushes to its own HTTP backend', async (t) => {
  const folder = temporaryFolder(t);
  const origin = await startOrigin(t, { handlers: { 'repo.git': gitBackend(folder) } });
  const { server } = await startTunnel(t, ['http', origin.address, '--name', 'git']);
  const git = async (cwd: string, ...words: string[]): Promise<string> => {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.test'];
    const done = await runPeer(['git', ...identity, ...words], {
      cwd,
      env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', no_proxy: '*' },
    });
    assert.equal(done.code, 0, `git ${words.join(' ')}: ${done.err}`);
    return done.out.toString().trim();
  };
  const bare = path.join(folder, 'repo.git');
  await git(folder, 'init', '-q', '--bare', bare);
  await git(bare, 'config', 'http.receivepack', 'true');
  const url = `http://${host}:${server.port}/repo.git`;
  await git(folder, 'clone', '-q', url, 'first');
  const first = path.join(folder, 'first');
  writeFileSync(path.join(first, 'data.bin'), noiseBytes(5 * 1024 * 1024));
  await git(first, 'add', '.');
  await git(first, 'commit', '-q', '-m', 'Add data');
  await git(first, 'push', '-q', 'origin', 'HEAD:refs/heads/master');
  await git(folder, 'clone', '-q', '--branch', 'master', url, 'second');
  const second = path.join(folder, 'second');
  assert.equal(await git(second, 'rev-parse', 'HEAD'), await git(first, 'rev-parse', 'HEAD'));
  assert.equal(await git(second, 'fsck', '--strict'), '');
});

/** `git http-backend` as a CGI program (RFC 3875), which is how web servers run it. */
function gitBackend(root: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url!, 'http://origin');
    const child = spawn('git', ['http-backend'], {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method,
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => {});
    request.pipe(child.stdin);
    let head = Buffer.alloc(0);
    const readHead = (piece: Buffer): void => {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      child.stdout.off('data', readHead);
      for (const line of head.subarray(0, end).toString().split('\r\n')) {
        const [, name, value] = /^([^:]+): (.*)$/.exec(line)!;
        if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.write(head.subarray(end + 4));
      child.stdout.pipe(response);
    };
    child.stdout.on('data', readHead);
  };
}
