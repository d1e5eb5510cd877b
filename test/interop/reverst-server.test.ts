/** Our reverst server by its command line: what there is beyond pairs, with clients in Go. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { temporaryFolder } from '../support/files.ts';
import { ask, exchange, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes, noiseDigest } from '../support/noise.ts';
import { startProgram } from '../support/program.ts';
import { startService } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';
import { buildGoProgram, withoutGo } from './go-programs.ts';
import {
  certificateFiles,
  groupsFile,
  listening,
  serverName,
  startHttp,
  startPeerClient,
  startReverstServer,
  type Group,
} from './reverst-programs.ts';

const MB = 1024 * 1024;
const patience = { timeout: 120_000 };
const host = 'app.test';
const group = 'app';
const everybody: Group = { name: group, hosts: [host] };

let program = '';
before(async () => {
  if (!withoutGo) program = await buildGoProgram('./reverst');
});

describe('the example of the README', { skip: withoutGo }, () => {
  const curl = async (port: number): Promise<string> => {
    const words = ['--silent', '--max-time', '20', '-H', 'Host: flipt.dev.local'];
    const { stdout } = await promisify(execFile)('curl', [...words, `127.0.0.1:${port}/fo`]);
    return stdout;
  };

  test('the server as written there, a client in Go and ours, and curl', patience, async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(
      path.join(cwd, 'group.yml'),
      `groups:
  "flipt.dev.local":
    hosts:
    - "flipt.dev.local"
    authentication:
      type: "basic"
      username: "user"
      password: "pass"
`,
    );
    const { certificate, key } = await certificateFiles(t);
    const written = ['-l', 'debug', '-n', 'flipt.dev.local', '-g', 'group.yml'];
    const files = ['-k', key, '-c', certificate];
    const anywhere = { REVERST_TUNNEL_ADDRESS: '127.0.0.1:0', REVERST_HTTP_ADDRESS: '127.0.0.1:0' };
    const server = startProgram(t, ['reverst', 'server', ...written, ...files], {
      cwd,
      env: anywhere,
    });
    const gate = {
      tunnel: await listening(server, 'QUIC tunnel'),
      port: await listening(server, 'HTTP'),
      authority: certificate,
    };
    assert.match(await curl(gate.port), /bad gateway/i);
    const options = { group: serverName, basic: ['user', 'pass'] } as const;
    const client = await startPeerClient(t, program, gate, options, { era: 'readme' });
    assert.equal(await curl(gate.port), 'PONG');
    client.kill('SIGTERM');
    assert.equal(await client.ended(), 0);
    const origin = await startOrigin(t, {
      handlers: { fo: (_, response) => response.end('PONG of ours') },
    });
    await startHttp(t, gate, { ...options, target: origin.address });
    await until('ours answers', async () => (await curl(gate.port)) === 'PONG of ours');
    assert.equal((await server.end('SIGTERM')).code, 0);
  });
});

describe('our server and a client in Go that answers by itself', { skip: withoutGo }, () => {
  test('bodies, trailers, an early hint, events, and an echo as it comes', patience, async (t) => {
    const gate = await startReverstServer(t, 'head', [everybody]);
    await startPeerClient(t, program, gate, { group });
    const { port } = gate;
    assert.equal((await ask({ port, host, path: '/fo' })).text, 'PONG');
    assert.equal((await ask({ port, host, path: '/status/418' })).status, 418);
    const noise = await ask({ port, host, path: `/noise/${12 * MB}` });
    assert.ok(noise.body.equals(noiseBytes(12 * MB)));
    const body = noiseBytes(12 * MB);
    const digest = await ask({ port, host, path: '/digest', method: 'POST', body });
    assert.equal(digest.text, noiseDigest(12 * MB));
    const trailed = await ask({ port, host, path: '/trailers', method: 'POST', body });
    assert.equal(trailed.trailers['x-digest'], noiseDigest(12 * MB));
    const lines = `GET /early HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    assert.match(
      await exchange(port, lines),
      /^HTTP\/1.1 103 [^]*HTTP\/1.1 200 [^]*after the hint/,
    );
    const events = await open({ port, host, path: '/events' });
    assert.equal(String((await within(10_000, once(events, 'data')))[0]), 'data: first\n\n');
    events.destroy();
    await echoes(port);
  });
});

/** What is sent comes back before the request has ended. */
async function echoes(port: number): Promise<void> {
  const body = new Readable({ read() {} });
  body.push('one');
  const answer = await open({ port, host, path: '/echo', method: 'POST', body });
  for (const word of ['one', 'two', 'three']) {
    if (word !== 'one') body.push(word);
    const [piece] = (await within(10_000, once(answer, 'data'))) as [Buffer];
    assert.equal(String(piece), word);
  }
  body.push(null);
  await within(10_000, once(answer, 'end'));
}

describe('our server under load', { skip: withoutGo }, () => {
  test('a groups file that changes: no request is lost, hosts come and go', patience, async (t) => {
    const gate = await startReverstServer(t, 'head', [everybody]);
    await startPeerClient(t, program, gate, { group });
    const { count, stop } = load(gate.port);
    const change = (...groups: Group[]): void => {
      const fresh = `${gate.file}.new`;
      writeFileSync(fresh, groupsFile('readme', groups));
      renameSync(fresh, gate.file);
    };
    await until('it is busy', () => count() > 50);
    change({ ...everybody, hosts: [host, 'more.test'] }, { name: 'late', hosts: ['late.test'] });
    const statusOf = async (of: string): Promise<number> =>
      (await ask({ port: gate.port, host: of, path: '/fo' })).status;
    await until('the host leads somewhere', async () => (await statusOf('more.test')) === 200);
    await startPeerClient(t, program, gate, { group: 'late' });
    assert.equal(await statusOf('late.test'), 200);
    change(everybody);
    await until('the host is gone', async () => (await statusOf('more.test')) === 502);
    await until('its group too', async () => (await statusOf('late.test')) === 502);
    writeFileSync(gate.file, 'groups: [');
    const soFar = count();
    await until('it is as busy as before', () => count() > soFar + 50);
    assert.deepEqual(await stop(), ['PONG']);
  });

  test('a server that stops tells its clients in the words that they know', patience, async (t) => {
    const gate = await startReverstServer(t, 'head', [everybody]);
    const client = await startPeerClient(t, program, gate, { group });
    assert.equal((await gate.program.end('SIGTERM')).code, 0);
    await until('it is told', () => client.said().includes('ended 0 server closing down'));
  });

  test('a group that a native agent serves as well', patience, async (t) => {
    const gate = await startReverstServer(t, 'head', [everybody]);
    const native = await startOrigin(t, { name: 'native' });
    const tunnelled = await startOrigin(t, { name: 'tunnelled' });
    await startPeerClient(t, program, gate, { group, target: `http://${tunnelled.address}` });
    await startService(t, gate, ['http', native.address, '--name', group]);
    const turns: string[] = [];
    for (let i = 0; i < 6; i++)
      turns.push((await ask({ port: gate.port, host, path: '/whoami' })).text);
    assert.deepEqual(new Set(turns.slice(0, 2)), new Set(['native', 'tunnelled']));
    for (let i = 2; i < 6; i++) assert.equal(turns[i], turns[i - 2], turns.join());
    for (let i = 0; i < 4; i++) {
      const socket = new WebSocket(`ws://127.0.0.1:${gate.port}/`, { headers: { host } });
      await within(10_000, once(socket, 'open'));
      socket.send('hello');
      assert.equal(String((await within(10_000, once(socket, 'message')))[0]), 'hello');
      socket.close();
      await once(socket, 'close');
    }
    assert.equal(tunnelled.heads.filter((head) => /upgrade/i.test(head)).length, 0);
  });
});

/** Four consumers that ask again and again, until they are stopped and give what they got to see. */
function load(port: number): { count(): number; stop(): Promise<string[]> } {
  const answers = new Map<string, number>();
  const over = new AbortController();
  const work = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { status, text } = await ask({ port, host, path: '/fo' });
      const answer = status === 200 ? text : String(status);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  const working = Promise.all(Array.from({ length: 4 }, work));
  return {
    count: () => answers.get('PONG') ?? 0,
    async stop() {
      over.abort();
      await working;
      return [...answers.keys()];
    },
  };
}
