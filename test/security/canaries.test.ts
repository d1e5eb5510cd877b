/**
 * Secrets that are used in every place that takes one, looked for in every place that tells something;
 * and names that would be more than one line, or a command for a terminal, if they were written as
 * they came.
 */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { openClientSession } from '../../src/attach/client-session.ts';
import { dial } from '../../src/attach/dial.ts';
import { createHeartbeat } from '../../src/session/heartbeat.ts';
import { temporaryFile, temporaryFolder } from '../support/files.ts';
import { ask, exchange } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram, type Program } from '../support/program.ts';
import { httpProxyTo, playProxy } from '../support/proxies.ts';
import { startServer, startService, type Server } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const canaries = {
  token: 'sp_canary-of-the-token-of-the-agent',
  otherToken: 'sp_canary-of-another-token',
  wrongToken: 'sp_canary-of-a-wrong-token',
  rendezvous: 'canary-of-a-rendezvous-token',
  password: 'canary-of-a-password',
  wrongPassword: 'canary-of-a-wrong-password',
  proxy: 'canary-of-a-proxy-password',
  xHost: 'canary-of-an-x-host',
  cookie: 'canary-of-a-cookie',
  key: 'canary-of-a-consumer-key',
};

/** As they travel, too. */
const spelt = Object.entries(canaries).flatMap(([what, secret]) => [
  [what, secret] as const,
  [`${what} in base64`, Buffer.from(`ann:${secret}`).toString('base64').slice(8, -4)] as const,
]);

/** A server that logs everywhere it can. */
async function startTalkative(t: TestContext) {
  const syslog = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(syslog, 'listening');
  t.after(() => syslog.close());
  const datagrams: string[] = [];
  syslog.on('message', (bytes) => datagrams.push(bytes.toString()));
  const folder = temporaryFolder(t);
  const config = temporaryFile(
    t,
    'server.yaml',
    `log_level: debug
log_file: ${folder}/server.log
access_log_file: ${folder}/access.log
audit_file: ${folder}/audit.ndjson
request_events: all
syslog: udp://127.0.0.1:${syslog.address().port}
identities:
  - {name: ann, token: ${canaries.token}, roles: [agent, consumer], names: ["*"]}
  - {name: bob, token: ${canaries.otherToken}, roles: [consumer], names: [box]}
`,
  );
  const server = await startServer(t, ['--config', config], {
    env: { SALLYPORT_TOKEN: undefined },
  });
  /** Everything that it has told, by place; to be asked when it has ended. */
  const told = (): Record<string, string> => ({
    ...outputOf('server', server.program),
    syslog: datagrams.join('\n'),
    ...Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
    ),
  });
  return { server, told, datagrams };
}

const outputOf = (name: string, program: Program): Record<string, string> => ({
  [`${name} stdout`]: program.out(),
  [`${name} stderr`]: program.err(),
});

const debug = ['--log-level', 'debug'];

test('T40: no secret in any output, log file, syslog, audit file, error page or argument list', async (t) => {
  const { server, told } = await startTalkative(t);
  const { port } = server;
  const origin = await startOrigin(t);
  const proxy = await playProxy(t, { answer: httpProxyTo(port, `ann:${canaries.proxy}`) });
  const { program: agent } = await startService(
    t,
    server,
    ['http', origin.address, '--name', 'web', ...debug],
    {
      env: {
        SALLYPORT_TOKEN: canaries.token,
        SALLYPORT_RENDEZVOUS_TOKEN: canaries.rendezvous,
        SALLYPORT_AUTH: `ann:${canaries.password}`,
        SALLYPORT_PROXY: `http://ann:${canaries.proxy}@127.0.0.1:${proxy.port}`,
      },
    },
  );
  const pages: string[] = [];
  const basic = (password: string): string =>
    `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;
  const fields = {
    cookie: `session=${canaries.cookie}`,
    'proxy-authorization': basic(canaries.proxy),
    'x-host': `https://ann:${canaries.xHost}@internal.example/`,
    'x-token': canaries.rendezvous,
  };
  for (const authorization of [basic(canaries.password), basic(canaries.wrongPassword), '']) {
    for (const host of ['web.localhost', 'nobody.localhost']) {
      const headers = { ...fields, ...(authorization !== '' && { authorization }) };
      pages.push((await ask({ port, host, headers })).text);
    }
  }
  const inPath = `/_token/${canaries.rendezvous}`;
  pages.push((await ask({ port, path: `${inPath}/status/500` })).text);
  pages.push((await ask({ port, path: `${inPath}-and-more/` })).text);
  for (const field of [`Cookie: ${canaries.cookie}\x01`, `X-Host : ${canaries.xHost}`]) {
    pages.push(await exchange(port, `GET ${inPath}/ HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`));
  }
  const refused = await Promise.all(
    [
      { words: ['connect', 'web', '--key', canaries.key], token: canaries.otherToken },
      { words: ['connect', 'none', '--key', canaries.key], token: canaries.token },
      { words: ['http', '1', '--name', 'web2'], token: canaries.wrongToken },
    ].map(({ words, token }) =>
      runProgram(t, [...words, '--server', `ws://127.0.0.1:${port}`], {
        env: { SALLYPORT_TOKEN: token },
      }),
    ),
  );
  assert.ok(refused.every(({ code }) => code !== 0));
  const args = readFileSync(`/proc/${agent.pid}/cmdline`, 'utf8');
  await agent.end('SIGTERM');
  await server.program.end('SIGTERM');

  const places: Record<string, string> = {
    ...told(),
    ...outputOf('agent', agent),
    ...Object.fromEntries(refused.map(({ out, err }, n) => [`client ${n}`, out + err])),
    pages: pages.join('\n'),
    arguments: args,
  };
  for (const name of ['server.log', 'access.log', 'audit.ndjson', 'syslog']) {
    assert.ok(places[name].length > 500, `${name} tells something`);
  }
  for (const [place, text] of Object.entries(places)) {
    for (const [what, secret] of spelt) {
      assert.ok(!text.includes(secret), `${what} stands in ${place}:\n${text}`);
    }
  }
});

test('secrets that are given by flags are not left in the argument list', async (t) => {
  const { server } = await startTalkative(t);
  const origin = await startOrigin(t);
  const secrets = [
    ['--token', canaries.token],
    ['--rendezvous-token', canaries.rendezvous],
    ['--auth', `ann:${canaries.password}`],
  ].flat();
  const words = ['http', origin.address, '--name', 'web', ...secrets];
  const { program } = await startService(t, server, words, { env: { SALLYPORT_TOKEN: undefined } });
  const args = readFileSync(`/proc/${program.pid}/cmdline`, 'utf8');
  assert.match(args, /^sallyport http .* --name web --token \*\*\* /);
  assert.doesNotMatch(args, /canary/);
});

/** A client of the protocol that says of itself what it likes. */
async function attachLiar(t: TestContext, { port }: Server, lie: string): Promise<void> {
  const url = new URL(`ws://127.0.0.1:${port}`);
  const { signal } = new AbortController();
  const heartbeat = createHeartbeat(60_000);
  t.after(() => heartbeat.close());
  const link = await dial({ url, token: canaries.token, program: 'test/1', signal });
  const session = await openClientSession(link, {
    hello: { role: 'agent', instance: lie, epoch: 1, program: lie, features: [lie] },
    heartbeat,
    accept: () => ({ data() {}, finished() {}, reset() {}, drained() {} }),
    withdrawn() {},
    signal,
  });
  t.after(() => session.close());
  const offers = [
    { name: lie, kind: 'http' as const },
    { name: 'web', kind: 'http' as const, hosts: [lie] },
    { name: 'web', kind: 'http' as const, path: `/${lie}` },
  ];
  for (const offer of offers) await session.register(offer).catch(() => {});
}

test('no name forges a line, or commands a terminal: CR, LF, ESC, and what Unicode has of them', async (t) => {
  const { server, told, datagrams } = await startTalkative(t);
  const { port } = server;
  const forged = '{"level":"fatal","msg":"forged"}';
  const breaks = ['\r\n', '\n', '\r', '\x1b[2J', '\x9b2J', '\u2028', '\u202e', '\x00'];
  for (const at of breaks) await attachLiar(t, server, `x${at}${forged}`);
  for (const at of ['%0d%0a', '%1b[2J', '%00', '\x1b[2J', '\x9b2J']) {
    await exchange(
      port,
      `GET /${at}${forged} HTTP/1.1\r\nHost: web.localhost\r\nX-Host: ${at}\r\nConnection: close\r\n\r\n`,
    );
    await exchange(port, `GET / HTTP/1.1\r\nHost: ${at}${forged}\r\nConnection: close\r\n\r\n`);
  }
  await until('the syslog has them', () => datagrams.length > breaks.length);
  await server.program.end('SIGTERM');

  const { syslog, 'server stdout': _out, ...files } = told();
  const messages = syslog
    .split('\n')
    .map((message) => message.replace(/^<\d+>1 \S+ \S+ sallyport \d+ - - /, ''));
  const lines = Object.values(files).flatMap((text) =>
    text.split('\n').filter((line) => line !== ''),
  );
  assert.ok(messages.length > breaks.length && lines.length > breaks.length);
  for (const line of [...lines, ...messages]) {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.notEqual(parsed['msg'], 'forged', line);
    assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}\u202e]/u, JSON.stringify(line));
  }
});
