/** `sallyport reverst server` and `http` together, where that is more than each with a peer of its own. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { startProgram } from '../support/program.ts';
import {
  group,
  login,
  portIn,
  readmeGroups,
  startHttp,
  startReverst,
  type StartedServer,
} from '../support/reverst-programs.ts';
import { until } from '../support/wait.ts';

const patience = { timeout: 120_000 };

/** Both of them, before an origin. */
async function pair(t: TestContext, more: readonly string[] = []) {
  const server = await startReverst(t, readmeGroups, more);
  const origin = await startOrigin(t);
  const client = await startHttp(t, server, [...login, String(origin.port)]);
  return { server, origin, client };
}

test('12 MiB go up and come back, each byte as it was', patience, async (t) => {
  const { port } = (await pair(t)).server;
  const length = 12 * 1024 * 1024;
  const headers = { 'content-length': length };
  const up = { port, host: group, method: 'POST', path: '/digest', timeout: 60_000 };
  assert.equal(
    (await ask({ ...up, headers, body: noiseStream(length) })).text,
    noiseDigest(length),
  );
  const down = await ask({ port, host: group, path: `/noise/${length}`, timeout: 60_000 });
  assert.ok(down.body.equals(noiseBytes(length)));
});

test('1000 callers of whom many give up do not lose the tunnel', patience, async (t) => {
  const { server, client } = await pair(t);
  const { port } = server;
  const outcomes = await Promise.all(
    Array.from({ length: 1_000 }, (_, n) =>
      ask({ port, host: group, path: `/slow/${Math.round(n * 0.9)}`, timeout: 500 }).then(
        ({ status }) => status,
        () => 'left' as const,
      ),
    ),
  );
  assert.ok(outcomes.includes('left'));
  assert.equal((await ask({ port, host: group, path: '/whoami' })).text, 'origin');
  assert.equal(client.out().match(/msg=registered /g)?.length, 1);
});

test('a server that is killed gets its client back when it is there again', patience, async (t) => {
  const { server, client } = await pair(t, ['--max-idle-timeout', '2s']);
  await server.end('SIGKILL');
  const again = startAgain(t, server);
  await until(
    'it is registered',
    () => client.out().match(/msg=registered /g)?.length === 2,
    30_000,
  );
  const reply = await ask({
    port: await portIn(again, 'HTTP listener starting...'),
    host: group,
    path: '/whoami',
  });
  assert.equal(reply.text, 'origin');
});

function startAgain(t: TestContext, { directory, flags, quicPort }: StartedServer) {
  const addresses = ['-a', `127.0.0.1:${quicPort}`, '-s', '127.0.0.1:0'];
  return startProgram(t, ['reverst', 'server', ...addresses, ...flags], { cwd: directory });
}

test('a group that comes later is found by a client that was refused', patience, async (t) => {
  const other = readmeGroups.replaceAll(group, 'other.example');
  const server = await startReverst(t, other, ['--watch-groups']);
  const origin = await startOrigin(t);
  const where = ['-a', `127.0.0.1:${server.quicPort}`, '-n', group, '-c', 'server.crt'];
  const client = startProgram(t, ['reverst', 'http', ...where, ...login, String(origin.port)], {
    cwd: server.directory,
  });
  await client.line((line) => line.includes('SERVICE_UNKNOWN') || undefined);
  server.write(readmeGroups);
  await client.line((line) => line.includes(' msg=registered ') || undefined);
  assert.equal((await ask({ port: server.port, host: group, path: '/whoami' })).text, 'origin');
});

test('wrong credentials end the client with 3', patience, async (t) => {
  const server = await startReverst(t, readmeGroups);
  const where = ['-a', `127.0.0.1:${server.quicPort}`, '-n', group, '-c', 'server.crt'];
  const wrong = ['--username', 'user', '--password', 'wrong'];
  const client = startProgram(t, ['reverst', 'http', ...where, ...wrong, '3000'], {
    cwd: server.directory,
  });
  assert.equal((await client.ended()).code, 3);
});
