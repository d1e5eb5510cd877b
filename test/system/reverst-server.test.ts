/** `sallyport reverst server`: flags, exit codes, lines and metrics of the original, with real clients. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { ask, type Reply } from '../support/http-client.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { openGroup } from '../support/reverst-groups.ts';
import {
  group,
  laterGroups,
  login,
  portIn,
  readmeGroups,
  reverstFolder,
  startHttp,
  startReverst,
} from '../support/reverst-programs.ts';
import { until } from '../support/wait.ts';

const patience = { timeout: 120_000 };
const pong = { fo: (_: unknown, response: { end(text: string): void }) => response.end('PONG') };

for (const [shape, groups] of [
  ['the first', readmeGroups],
  ['the later', laterGroups],
] as const)
  test(`the example of the README, with ${shape} shape of groups`, patience, async (t) => {
    const origin = await startOrigin(t, { handlers: pong });
    const server = await startReverst(t, groups, ['-l', 'debug']);
    const { port } = server;
    const client = await startHttp(t, server, [...login, String(origin.port)]);
    assert.equal((await ask({ port, host: group, path: '/fo' })).text, 'PONG');
    assert.match(origin.heads[0], /host: flipt\.dev\.local\r?\n/i);
    await server.line((line) => line.includes('msg="Finished handling request"') || undefined);
    assert.equal((await client.end('SIGTERM')).code, 0);
    assert.equal((await server.end('SIGTERM')).code, 0);
    const said = server.out();
    assert.match(
      said,
      /^time=\S+Z level=INFO msg="Registering tunnel group" name=flipt\.dev\.local/m,
    );
    assert.match(said, /level=INFO msg="Server registered" group=flipt\.dev\.local/);
    assert.match(said, /level=INFO msg="Stopping tunnel listener"/);
    assert.ok(!/pass|dXNlcjpwYXNz/.test(said + server.err()), 'no secret in the log');
  });

test(
  'an unknown host, an empty group, wrong credentials, an unknown group',
  patience,
  async (t) => {
    const server = await startReverst(t, readmeGroups);
    const { port, quicPort, directory } = server;
    const unknown = await ask({ port, host: 'nobody.test' });
    assert.deepEqual([unknown.status, unknown.text], [502, 'bad gateway\n']);
    assert.equal((await ask({ port, host: group })).status, 502);
    const words = [
      'reverst',
      'http',
      '-a',
      `127.0.0.1:${quicPort}`,
      '-n',
      group,
      '-c',
      'server.crt',
    ];
    const wrong = ['--username', 'user', '--password', 'no', '1'];
    const refused = await runProgram(t, [...words, ...wrong], { cwd: directory });
    assert.equal(refused.code, 3, refused.err);
    assert.match(refused.err, /AUTH_FAILED/);
    await server.line((line) => line.includes('listener request unauthorized') || undefined);
  },
);

test('X-Forwarded-Host names the host where its sender is trusted', patience, async (t) => {
  const origin = await startOrigin(t);
  const groups = `groups:\n${openGroup(group, group)}`;
  const headers = { 'X-Forwarded-Host': `${group.toUpperCase()}:443` };
  const server = await startReverst(t, groups);
  await startHttp(t, server, [String(origin.port)]);
  const asked = { host: 'proxy.test', path: '/whoami', headers };
  assert.equal((await ask({ port: server.port, ...asked })).text, 'origin');
  const wary = await startReverst(t, groups, ['--trusted-proxies', '192.0.2.0/24']);
  await startHttp(t, wary, [String(origin.port)]);
  assert.equal((await ask({ port: wary.port, ...asked })).status, 502);
});

describe('groups that change', () => {
  test('-w: under load nothing is lost of a group that stays', patience, async (t) => {
    const origin = await startOrigin(t, { log: false });
    const of = (...others: string[]): string => `groups:\n${openGroup(group, group, ...others)}`;
    const server = await startReverst(t, of(), ['-w']);
    const { port } = server;
    await startHttp(t, server, [String(origin.port)]);
    const statuses = new Map<number, number>();
    const stop = new AbortController();
    const load = Array.from({ length: 4 }, async () => {
      while (!stop.signal.aborted) {
        const { status } = await ask({ port, host: group, path: '/whoami' });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    for (let n = 0; n < 3; n++) {
      const host = `new-${n}.test`;
      server.write(of(host));
      await until('the new host is served', async () => {
        return (await ask({ port, host, path: '/whoami' })).status === 200;
      });
      server.write(of());
      await until('it is dropped', async () => {
        return (await ask({ port, host, path: '/whoami' })).status === 502;
      });
    }
    stop.abort();
    await Promise.all(load);
    assert.deepEqual([...statuses.keys()], [200]);
  });

  test('without -w they are read once', patience, async (t) => {
    const server = await startReverst(t, `groups:\n${openGroup(group, group)}`);
    server.write(`groups:\n${openGroup(group, group, 'new.test')}`);
    const origin = await startOrigin(t);
    await startHttp(t, server, [String(origin.port)]);
    assert.equal((await ask({ port: server.port, host: 'new.test' })).text, 'bad gateway\n');
  });
});

test('a client that is killed under load: its requests go to the others', patience, async (t) => {
  const origin = await startOrigin(t, { log: false });
  const flags = ['--max-idle-timeout', '2s', '--keep-alive-period', '500ms'];
  const server = await startReverst(t, `groups:\n${openGroup(group, group)}`, flags);
  const { port } = server;
  const clients = [];
  for (let n = 0; n < 3; n++) clients.push(await startHttp(t, server, [String(origin.port)]));
  const statuses: number[] = [];
  const load = async (requests: number): Promise<void> => {
    for (let n = 0; n < requests; n++)
      statuses.push((await ask({ port, host: group, path: '/whoami' })).status);
  };
  await load(6);
  const going = Array.from({ length: 4 }, () => load(40));
  await clients[0].end('SIGKILL');
  await Promise.all(going);
  await server.line((line) => line.includes('msg="Closing connection"') || undefined);
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.equal(statuses.length, 166);
});

async function startNative(t: TestContext, port: number, token: string, { port: target }: Origin) {
  const where = ['--server', `ws://127.0.0.1:${port}`, '--name', group];
  const agent = startProgram(t, ['http', String(target), ...where], {
    env: { SALLYPORT_TOKEN: token },
  });
  await agent.logLine((line) => line.includes('registered') || undefined);
}

test('a native agent beside a client: they share the requests', patience, async (t) => {
  const [ours, theirs] = [
    await startOrigin(t, { name: 'native' }),
    await startOrigin(t, { name: 'reverst' }),
  ];
  const token = 'sp_token-of-the-reverst-server-test';
  const server = await startReverst(t, `groups:\n${openGroup(group, group)}`, [], {
    SALLYPORT_TOKEN: token,
  });
  const { port } = server;
  await startHttp(t, server, [String(theirs.port)]);
  await startNative(t, port, token, ours);
  const names: string[] = [];
  for (let n = 0; n < 6; n++) names.push((await ask({ port, host: group, path: '/whoami' })).text);
  assert.deepEqual(names.toSorted(), [
    'native',
    'native',
    'native',
    'reverst',
    'reverst',
    'reverst',
  ]);
});

describe('the management address', () => {
  test(
    'metrics by the names of the original, with labels that nobody can invent',
    patience,
    async (t) => {
      const origin = await startOrigin(t);
      const groups = `groups:\n${openGroup(group, group)}`;
      const server = await startReverst(t, groups, ['--management-address', '127.0.0.1:0']);
      const management = await portIn(server, 'Management listener starting...');
      await startHttp(t, server, [String(origin.port)]);
      const { port } = server;
      await ask({ port, host: group, path: '/whoami' });
      for (let n = 0; n < 3; n++) await ask({ port, host: `invented-${n}.test` });
      let text = '';
      await until('all are counted', async () => {
        ({ text } = await ask({ port: management, path: '/metrics' }));
        return text.includes('proxy_requests_total{host="other",status="5XX"} 3');
      });
      for (const line of [
        `reverst_tunnel_group_registrations_total{tunnel_group="${group}"} 1`,
        `reverst_tunnel_group_active_conn{tunnel_group="${group}"} 1`,
        `reverst_tunnel_group_proxy_requests_total{host="${group}",status="2XX"} 1`,
        `reverst_tunnel_group_proxy_requests_latency_milliseconds_count{host="${group}",status="2XX"} 1`,
      ])
        assert.ok(text.includes(`${line}\n`), `${line}\nin\n${text}`);
      assert.ok(!text.includes('invented'));
      const profile: Reply = await ask({ port: management, path: '/debug/pprof/heap' });
      assert.equal(profile.status, 404);
      assert.match(profile.text, /pprof/);
    },
  );
});

describe('flags', () => {
  test('what is missing or wrong ends with 1, behind the help', patience, async (t) => {
    const { directory, flags } = await reverstFolder(t, readmeGroups);
    const run = (...words: string[]) =>
      runProgram(t, ['reverst', 'server', '-s', '127.0.0.1:0', '-a', '127.0.0.1:0', ...words], {
        cwd: directory,
      });
    const cases: [string[], RegExp][] = [
      [[], /FLAGS\n[^]*\nerror: server-name must be non-empty string\n$/],
      [['-n', 'x'], /error: private-key-path must be non-empty string/],
      [['-n', 'x', '-k', 'server.key'], /error: certificate-path must be non-empty string/],
      [['--nonsense'], /unknown flag "--nonsense"/],
      [[...flags, '-l', 'loud'], /error: log: write one of/],
      [
        [...flags, '-c', 'absent.crt'],
        /absent\.crt[^]*CONFIG_INVALID\n {2}fix: Mend the named place\.\n/,
      ],
      [[...flags, '-g', 'absent.yml'], /absent\.yml: ENOENT/],
    ];
    for (const [words, expected] of cases) {
      const { code, err } = await run(...words);
      assert.equal(code, 1, words.join(' '));
      assert.match(err, expected);
    }
    const help = await run('-h');
    assert.equal(help.code, 0);
    for (const flag of ['-a, --tunnel-address', '-w, --watch-groups', '--management-address'])
      assert.ok(help.out.includes(flag), flag);
  });

  test('variables stand in for flags', patience, async (t) => {
    const { directory } = await reverstFolder(t, readmeGroups);
    const env = { REVERST_SERVER_NAME: group, REVERST_PRIVATE_KEY_PATH: 'server.key' };
    const { code, err } = await runProgram(t, ['reverst', 'server'], { cwd: directory, env });
    assert.equal(code, 1);
    assert.match(err, /error: certificate-path must be non-empty string/);
  });
});
