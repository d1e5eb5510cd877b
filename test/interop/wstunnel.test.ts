/** Our WStunnel server and client, by their command lines, together with a peer that is not ours. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { before, describe, test, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { noiseBytes, noiseDigest } from '../support/noise.ts';
import { httpProxyTo, playProxy } from '../support/proxies.ts';
import { until } from '../support/wait.ts';
import { rendezvous } from '../support/wstunnel-agent.ts';
import { startCli, startSrv } from '../support/wstunnel-programs.ts';
import { buildGoProgram, withoutGo } from './go-programs.ts';

const MB = 1024 * 1024;
const patience = { timeout: 120_000 };
const headers = { 'X-Token': rendezvous };

let program = '';
before(async () => {
  if (!withoutGo) program = await buildGoProgram('./wstunnel');
});

interface Peer {
  readonly lines: readonly string[];
  kill(signal: NodeJS.Signals): void;
}

function startPeer(t: TestContext, words: readonly string[]): Peer {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  t.after(() => child.kill('SIGKILL'));
  return { lines, kill: (signal) => void child.kill(signal) };
}

async function startPeerSrv(t: TestContext, flags: readonly string[] = []): Promise<number> {
  const { lines } = startPeer(t, ['srv', ...flags]);
  await until('the peer listens', () => lines.length > 0);
  return Number(lines[0].split(' ')[1]);
}

async function startPeerCli(t: TestContext, port: number, flags: readonly string[]): Promise<Peer> {
  const tunnel = ['-tunnel', `ws://127.0.0.1:${port}`, '-token', rendezvous];
  const peer = startPeer(t, ['cli', ...tunnel, ...flags]);
  await until('the peer is connected', () => peer.lines.includes('ready'));
  return peer;
}

/** The port of a server and its client, one of which is the peer, or both are ours. */
type Pair = (t: TestContext, flags: readonly string[]) => Promise<number>;

const pairs: Readonly<Record<string, Pair>> = {
  'our server, the peer as its client': async (t, flags) => {
    const { port } = await startSrv(t);
    await startPeerCli(t, port, flags);
    return port;
  },
  'the peer as server, our client': async (t, flags) => {
    const port = await startPeerSrv(t);
    await startCli(t, port, flags);
    return port;
  },
  'our server and client': async (t, flags) => {
    const { port } = await startSrv(t);
    await startCli(t, port, flags);
    return port;
  },
};

for (const [name, start] of Object.entries(pairs)) {
  describe(name, { skip: withoutGo }, () => {
    test(
      'the requests of the README: the token in the path, and in a field',
      patience,
      async (t) => {
        const origin = await startOrigin(t);
        const port = await start(t, ['-server', `http://${origin.address}`]);
        assert.equal((await ask({ port, path: '/_health_check' })).text, 'WSTUNSRV RUNNING\n');
        const byPath = await ask({ port, path: `/_token/${rendezvous}/whoami?a=b` });
        assert.equal(byPath.text, 'origin');
        assert.equal((await ask({ port, path: '/whoami', headers })).text, 'origin');
      },
    );

    test(
      'odd statuses, 12 MB each way, chunked bodies, HEAD, and no length at all',
      patience,
      async (t) => {
        const origin = await startOrigin(t, {
          handlers: {
            bare: (_, response) => {
              // Until the end of the connection, as HTTP/1.0 had it.
              response.socket!.end('HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nuntil the end');
            },
          },
        });
        const port = await start(t, ['-server', `http://${origin.address}`]);
        assert.equal((await ask({ port, path: '/status/445', headers })).status, 445);
        const body = noiseBytes(12 * MB);
        const up = await ask({ port, path: '/digest', method: 'POST', headers, body });
        assert.equal(up.text, noiseDigest(12 * MB));
        assert.match(origin.heads.at(-1)!, /content-length: 12582912/i);
        for (const kind of ['noise', 'chunks']) {
          const down = await ask({ port, path: `/${kind}/${12 * MB}`, headers });
          assert.ok(down.body.equals(body), kind);
        }
        const chunked = { ...headers, 'Transfer-Encoding': 'chunked' };
        const echoed = await ask({
          port,
          path: '/echo',
          method: 'POST',
          headers: chunked,
          body: 'hi',
        });
        assert.equal(echoed.text, 'hi');
        const head = await ask({ port, path: '/noise/99', method: 'HEAD', headers });
        assert.equal(head.headers['content-length'], '99');
        const bare = await ask({ port, path: '/bare', headers });
        assert.deepEqual([bare.text, bare.headers['x-a']], ['until the end', 'b']);
      },
    );

    test('100 one after the other, and 20 at once that take their time', patience, async (t) => {
      const origin = await startOrigin(t, {
        handlers: {
          after: (request, response) => {
            const ms = Number(request.url!.split('/')[2]);
            setTimeout(() => response.end(request.url), ms);
          },
        },
      });
      const port = await start(t, ['-server', `http://${origin.address}`]);
      for (let i = 0; i < 100; i++)
        assert.equal((await ask({ port, path: '/whoami', headers })).text, 'origin');
      const paths = Array.from({ length: 20 }, (_, i) => `/after/${(i * 73) % 200}/${i}`);
      const replies = await Promise.all(paths.map((each) => ask({ port, path: each, headers })));
      assert.deepEqual(
        replies.map(({ text }) => text),
        paths,
      );
    });

    test(
      'X-Host: allowed, partly matching, without -regexp, without -server',
      patience,
      async (t) => {
        const origin = await startOrigin(t);
        const allowed = `http://${origin.address}`;
        const byRegexp = await start(t, ['-regexp', allowed.replaceAll('.', '\\.')]);
        const to = (value: string) => ({ ...headers, 'X-Host': value });
        const right = await ask({ port: byRegexp, path: '/whoami', headers: to(allowed) });
        assert.equal(right.text, 'origin');
        const partly = await ask({ port: byRegexp, headers: to(`${allowed}0`) });
        assert.equal(partly.status, 403);
        assert.match(partly.text, /does not match regexp/);
        const none = await ask({ port: byRegexp, headers });
        assert.equal(none.text, 'X-Host header required by wstunnel cli (no -server option)');
        const byServer = await start(t, ['-server', allowed]);
        const refused = await ask({ port: byServer, headers: to(allowed) });
        assert.equal(refused.text, 'X-Host header disallowed by wstunnel cli (no -regexp option)');
      },
    );

    test('an unknown token', patience, async (t) => {
      const port = await start(t, ['-server', 'http://127.0.0.1:1']);
      const unknown = await ask({ port, headers: { 'X-Token': 'a-token-that-nobody-has' } });
      assert.deepEqual(
        [unknown.status, unknown.text],
        [404, 'Tunnel not found (or not seen in a long time)\n'],
      );
      assert.equal((await ask({ port, headers })).status, 502);
    });
  });
}

describe('our server and clients of the peer that come and go', { skip: withoutGo }, () => {
  test('a request waits while the client is away', patience, async (t) => {
    const origin = await startOrigin(t);
    const flags = ['-server', `http://${origin.address}`];
    const { port } = await startSrv(t);
    const first = await startPeerCli(t, port, flags);
    first.kill('SIGKILL');
    await until('it has gone', async () => !(await stats(port)).includes('tun_addr'));
    const waiting = ask({ port, path: '/whoami', headers });
    await startPeerCli(t, port, flags);
    assert.equal((await waiting).text, 'origin');
  });

  test('a frozen client is let go', patience, async (t) => {
    const { port } = await startSrv(t, ['-wstimeout', '3']);
    const peer = await startPeerCli(t, port, ['-server', 'http://127.0.0.1:1', '-timeout', '3']);
    peer.kill('SIGSTOP');
    await until('it has gone', async () => !(await stats(port)).includes('tun_addr'));
  });

  test(
    'the shortest time-outs, for longer than they last: no reconnect, either way round',
    patience,
    async (t) => {
      const ours = await startSrv(t);
      const peer = await startPeerCli(t, ours.port, [
        '-server',
        'http://127.0.0.1:1',
        '-timeout',
        '3',
      ]);
      const other = await startPeerSrv(t, ['-wstimeout', '3']);
      const status = path.join(temporaryFolder(t), 'status');
      const flags = ['-server', 'http://127.0.0.1:1', '-statusfile', status];
      const cli = await startCli(t, other, flags);
      const heardAt = (): number => {
        const text = existsSync(status) ? readFileSync(status, 'utf8') : '';
        return Number(/Unix: (\d+)/.exec(text)?.[1] ?? 0);
      };
      const from = Date.now() / 1_000;
      await until('it was heard for 8 s', () => heardAt() > from + 8, 30_000);
      assert.deepEqual(peer.lines, ['ready']);
      assert.equal(cli.err().match(/WS {3}ready/g)?.length, 1);
    },
  );

  test('32,001 requests cross the wrap of the ids', patience, async (t) => {
    const origin = createServer((_, response) => response.end('x')).listen(0, '127.0.0.1');
    t.after(() => origin.close());
    await once(origin, 'listening');
    const { port: target } = origin.address() as AddressInfo;
    const { port } = await startSrv(t);
    await startPeerCli(t, port, ['-server', `http://127.0.0.1:${target}`]);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    t.after(() => agent.destroy());
    let left = 32_001;
    const work = async (): Promise<void> => {
      while (left-- > 0) assert.equal((await ask({ port, headers, agent })).text, 'x');
    };
    await Promise.all(Array.from({ length: 8 }, work));
  });

  test('through a proxy with a login', patience, async (t) => {
    const origin = await startOrigin(t);
    const server = ['-server', `http://${origin.address}`];
    const { port } = await startSrv(t);
    const proxy = await playProxy(t, { answer: httpProxyTo(port, 'ann:hunter2') });
    const way = ['-proxy', `http://ann:hunter2@127.0.0.1:${proxy.port}`];
    await startPeerCli(t, port, [...server, ...way]);
    assert.equal(proxy.heard.length, 1);
    assert.equal((await ask({ port, path: '/whoami', headers })).text, 'origin');
  });
});

async function stats(port: number): Promise<string> {
  return (await ask({ port, path: '/_stats' })).text;
}
