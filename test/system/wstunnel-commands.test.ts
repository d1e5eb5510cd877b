/** `sallyport wstunnel srv` and `cli`: flags, exit codes and files of the originals. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFile, temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { httpProxyTo, playProxy } from '../support/proxies.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startServer } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';
import { rendezvous } from '../support/wstunnel-agent.ts';
import { startCli, startSrv } from '../support/wstunnel-programs.ts';

const byToken = { 'X-Token': rendezvous };
const patience = { timeout: 60_000 };

describe('srv and cli', () => {
  test('the first steps of the README of the original', patience, async (t) => {
    const origin = await startOrigin(t);
    const srv = await startSrv(t);
    const { port } = srv;
    assert.equal((await ask({ port, path: '/_health_check' })).text, 'WSTUNSRV RUNNING\n');
    const cli = await startCli(t, port, ['-server', `http://${origin.address}`]);
    const byPath = await ask({ port, path: `/_token/${rendezvous}/whoami` });
    assert.equal(byPath.text, 'origin');
    assert.equal((await ask({ port, path: '/whoami', headers: byToken })).text, 'origin');
    for (const { out, err } of [srv, cli])
      assert.ok(!`${out()}${err()}`.includes(rendezvous), 'no token in a log');
    assert.equal((await cli.end('SIGTERM')).code, 0);
    assert.equal((await srv.end('SIGTERM')).code, 0);
  });

  test('-regexp with -server', patience, async (t) => {
    const [usual, blog] = [await startOrigin(t), await startOrigin(t, { name: 'blog' })];
    const { port } = await startSrv(t);
    const regexp = `http://(127\\.0\\.0\\.1:${blog.port}|blog\\.example\\.com)`;
    await startCli(t, port, ['-regexp', regexp, '-server', `http://${usual.address}`]);
    const headers = { ...byToken, 'X-Host': `http://${blog.address}` };
    assert.equal((await ask({ port, path: '/whoami', headers })).text, 'blog');
    assert.equal((await ask({ port, path: '/whoami', headers: byToken })).text, 'origin');
    const other = { ...byToken, 'X-Host': `http://${usual.address}` };
    assert.equal((await ask({ port, path: '/whoami', headers: other })).status, 403);
  });

  test('files: process ids, status, log; the token from a file', patience, async (t) => {
    const folder = temporaryFolder(t);
    const token = temporaryFile(t, 'token', `${rendezvous}\n`);
    const srv = await startSrv(t, [`-pidfile=${folder}/srv.pid`]);
    const flags = ['-tokenfile', token, '-pidfile', `${folder}/cli.pid`, '-timeout', '3'];
    const files = ['-statusfile', `${folder}/status`, '-logfile', `${folder}/log`];
    const where = ['-server', 'http://127.0.0.1:1'];
    const cli = await startCli(t, srv.port, [...flags, ...files, ...where], {}, false);
    await until('the status is written', () => existsSync(path.join(folder, 'status')));
    const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
    assert.match(read('status'), /^Unix: \d+\nTime: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/);
    assert.equal(read('srv.pid'), `${srv.pid}\n`);
    assert.equal(read('cli.pid'), `${cli.pid}\n`);
    await cli.end('SIGTERM');
    assert.match(read('log'), /WS {3}ready/);
    assert.ok(!read('log').includes(rendezvous));
  });

  test('-httptimeout: 504', patience, async (t) => {
    const origin = await startOrigin(t);
    const { port } = await startSrv(t, ['-httptimeout', '2']);
    await startCli(t, port, ['-server', `http://${origin.address}`]);
    const { status, text, ms } = await ask({ port, path: '/slow/60000', headers: byToken });
    assert.deepEqual([status, text], [504, 'Tunnel timeout\n']);
    // Deadlines are met by ticks of a second, up to one early.
    assert.ok(ms > 500 && ms < 30_000, `${ms} ms`);
  });

  test(
    'a server that comes back is found again, and requests wait meanwhile',
    patience,
    async (t) => {
      const origin = await startOrigin(t);
      const port = await freePort();
      const at = ['-port', String(port)];
      const first = await startSrv(t, at);
      await startCli(t, port, ['-server', `http://${origin.address}`]);
      await first.end('SIGKILL');
      await startSrv(t, at);
      await until('the agent is back', async () => {
        const { status } = await ask({ port, path: '/whoami', headers: byToken });
        return status === 200;
      });
    },
  );

  test('a proxy with a login, by -proxy and from the environment', patience, async (t) => {
    const origin = await startOrigin(t);
    const { port } = await startSrv(t);
    const proxy = await playProxy(t, { answer: httpProxyTo(port, 'ann:hunter2') });
    const url = `http://ann:hunter2@127.0.0.1:${proxy.port}`;
    const server = ['-server', `http://${origin.address}`];
    const byFlag = await startCli(t, port, [...server, '-proxy', url]);
    assert.equal(proxy.heard.length, 1);
    assert.equal((await ask({ port, path: '/whoami', headers: byToken })).text, 'origin');
    assert.ok(!byFlag.err().includes('hunter2'));
    await byFlag.end('SIGTERM');
    await startCli(t, port, server, { env: { HTTPS_PROXY: url } });
    assert.equal(proxy.heard.length, 2);
    const wrong = ['-proxy', `http://ann:wrong@127.0.0.1:${proxy.port}`];
    const refused = await startCli(t, port, [...server, ...wrong], {}, false);
    await refused.logLine((line) => line.includes('PROXY_AUTH') || undefined);
    assert.ok(!refused.err().includes('wrong@'));
  });

  test('-client-ports: the tunnel comes from one of them', patience, async (t) => {
    const { port } = await startSrv(t);
    const local = await freePort();
    const flags = ['-server', 'http://127.0.0.1:1', '-client-ports', `${local}..${local}`];
    await startCli(t, port, flags);
    const { text } = await ask({ port, path: '/_stats' });
    assert.ok(text.includes(`tunnel00_tun_addr=127.0.0.1:${local}\n`), text);
  });
});

describe('beside everything else', () => {
  test(
    'a server that speaks WStunnel: a named token, its host, and none that is not',
    patience,
    async (t) => {
      const origin = await startOrigin(t);
      const tokens = temporaryFile(t, 'tokens', `# appliances\nfridge=${rendezvous}\n`);
      const server = await startServer(t, [
        '--compat',
        'wstunnel',
        '--wstunnel-tokens',
        `file:${tokens}`,
      ]);
      const { port } = server;
      const waiting = ask({ port, host: 'fridge.localhost', path: '/whoami' });
      await startCli(t, port, ['-server', `http://${origin.address}`]);
      assert.equal((await waiting).text, 'origin');
      assert.equal((await ask({ port, path: '/whoami', headers: byToken })).text, 'origin');
      assert.equal((await ask({ port, path: '/healthz' })).status, 200);
      const flags = ['-server', 'http://127.0.0.1:1', '-token', 'a-token-that-nobody-knows'];
      const stranger = await startCli(t, port, flags, {}, false);
      await stranger.logLine((line) => line.includes('AUTH_FAILED') || undefined);
    },
  );
});

describe('exit codes', () => {
  const cases: [words: string[], code: number, said: RegExp][] = [
    [[], 1, /Usage: sallyport wstunnel cli/],
    [['nonsense'], 1, /Usage/],
    [['version'], 0, /^\d+\.\d+\.\d+\n$/],
    [['-help'], 0, /Usage/],
    [['cli', '-h'], 0, /-client-ports PORTS/],
    [['cli', '-nope'], 2, /flag provided but not defined: -nope/],
    [['cli'], 1, /tunnel: name the server/],
    [['cli', '-tunnel', 'http://x'], 1, /tunnel: write ws:/],
    [['cli', '-tunnel', 'ws://x', '-server', 'ftp://y'], 1, /server: write http:/],
    [['cli', '-tunnel', 'ws://x', '-server', 'http://y'], 1, /token: give/],
    [['cli', '-tunnel', 'ws://x', '-token', 'abcdefghijklmnop'], 1, /-server and -regexp/],
    [['cli', '-tunnel', 'ws://x', '-token', 'abcdefghijklmnop', '-regexp', '('], 1, /regexp "\("/],
    [
      ['cli', '-tunnel', 'ws://x', '-token', 'short', '-server', 'http://y'],
      1,
      /token: servers take 16 characters or more/,
    ],
    [
      ['cli', '-tunnel', 'ws://x', '-token', 'ünïcödeünïcödeün', '-server', 'http://y'],
      1,
      /token: it holds more than printable ASCII/,
    ],
    [['srv', '-port', 'x'], 1, /port "x"/],
    [['srv', '-syslog', 'local0', '-logfile', '/tmp/x'], 1, /either -syslog or -logfile/],
  ];
  for (const [words, code, said] of cases)
    test(`wstunnel ${words.join(' ')}: ${code}`, patience, async (t) => {
      const { code: ended, out, err } = await runProgram(t, ['wstunnel', ...words]);
      assert.equal(ended, code, err);
      assert.match(`${out}${err}`, said);
    });

  test(
    'a server that does not answer: the log names the flag that says where it is',
    patience,
    async (t) => {
      const nowhere = `ws://127.0.0.1:${await freePort()}`;
      const words = [
        '-tunnel',
        nowhere,
        '-token',
        'abcdefghijklmnop',
        '-server',
        'http://127.0.0.1:1',
      ];
      const program = startProgram(t, ['wstunnel', 'cli', ...words]);
      const told = (): string => program.out() + program.err();
      await until('it is told', () => told().includes('SERVER_UNREACHABLE'), 20_000);
      assert.match(told(), /Check the URL in -tunnel,/);
    },
  );
});
