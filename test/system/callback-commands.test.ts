import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { callbacks, registered } from '../support/callback-peers.ts';
import { ask } from '../support/http-client.ts';
import { runProgram, startProgram, type ProgramOptions } from '../support/program.ts';
import { freePort, startEcho } from '../support/tcp-targets.ts';
import { startServer, testToken } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

/** `sallyport callback server`, listening. */
async function startCallback(t: TestContext, ...flags: string[]) {
  const port = await freePort();
  const listen = `--listen.addr=tcp://127.0.0.1:${port}`;
  const program = startProgram(t, ['callback', 'server', listen, ...flags]);
  const told = `Listening on tcp://127.0.0.1:${port}`;
  await program.logLine((line) => (line.includes(told) ? line : undefined));
  return { program, port, url: `http://127.0.0.1:${port}` };
}

function startReverse(t: TestContext, url: string, id: string, to: string, ...flags: string[]) {
  const words = ['callback', 'reverse', '--server', url, '--id', id, '--connect', to, ...flags];
  return startProgram(t, words);
}

function runProxy(
  t: TestContext,
  words: string[],
  options: ProgramOptions & { input?: string } = {},
) {
  return runProgram(t, ['callback', 'proxy', ...words], options);
}

test('the three programs, as their manual has them, and their ends', async (t) => {
  const [server, echo] = [await startCallback(t), await startEcho(t)];
  const reverse = startReverse(t, `${server.url}/`, 'box', echo.address, '--forever');
  await registered(server, 'box');
  const said = await runProxy(t, ['--log-level=debug', `--server=${server.url}/`, 'box'], {
    input: 'hello',
  });
  assert.deepEqual([said.out, said.code], ['hello', 0]);
  const page = await ask({ port: server.port, path: '/index.html' });
  assert.match(page.text, /<div id="app">/);
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
  assert.equal((await reverse.end('SIGINT')).code, 0);
  for (const line of [
    `Callback Server Endpoint: ws://127.0.0.1:${server.port}/api/v1/callback/box`,
    'Connection upgrade successful.',
    'Established callback mux session.',
    'Terminating on signal: interrupt',
  ])
    assert.ok(reverse.err().includes(line), `${line}\n${reverse.err()}`);
  assert.equal((await server.program.end('SIGTERM')).code, 0);
  assert.match(server.program.err(), /Terminating on signal: terminated/);
});

test('prefixes are taken off the beginning of an id, suffixes off its end', async (t) => {
  const [server, echo] = [await startCallback(t), await startEcho(t)];
  startReverse(t, server.url, 'box', echo.address);
  await registered(server, 'box');
  const strip = ['--strip-prefix', 'cb-', '--strip-suffix', '.internal', '--server', server.url];
  const said = await runProxy(t, [...strip, 'cb-box.internal'], { input: 'found' });
  assert.deepEqual([said.out, said.code], ['found', 0]);
});

test('failures end with 1: unknown ids, servers that are not there, wrong flags', async (t) => {
  const server = await startCallback(t);
  const unknown = await runProxy(t, ['--server', server.url, 'nobody']);
  assert.deepEqual([unknown.code, unknown.out], [1, '']);
  assert.match(unknown.err, /404 Not Found/);
  const port = await freePort();
  const absent = await runProxy(t, [`--server=http://127.0.0.1:${port}`, 'box']);
  assert.equal(absent.code, 1);
  const once = startReverse(t, `http://127.0.0.1:${port}`, 'box', '127.0.0.1:1', '--no-forever');
  assert.equal((await once.ended()).code, 1);
  const wrong = await runProxy(t, ['--sever', 'x']);
  assert.deepEqual(
    [wrong.code, wrong.err],
    [1, "callbackproxy: error: unknown long flag '--sever', try --help\n"],
  );
  for (const flags of [
    ['server', '--listen.addr=unix:///tmp/x'],
    ['server', '--http.context-path=cb'],
    ['server', '--http.local-networks=all'],
    ['server', '--proxy.timeout=3'],
    ['server', '--log-level=trace'],
    ['reverse', '--server=http://u:p@h', '--id=x', '--connect=h:1'],
    ['reverse', '--server=http://h', '--id=', '--connect=h:1'],
    ['proxy', '--server=http://h', '--log-format=logger:stdout', 'x'],
    ['proxy', '--server=http://h', ''],
    ['nothing'],
  ])
    assert.equal((await runProgram(t, ['callback', ...flags])).code, 1, flags.join(' '));
  const help = await runProgram(t, ['callback', 'reverse', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.out, /^usage: sallyport callback reverse [^]*--reconnect-interval=DURATION/);
});

test('a password comes from the environment, and gets a native service’s consumer in', async (t) => {
  const server = await startServer(t, ['--compat', 'callback', '--callback-open', 'open-*']);
  const echo = await startEcho(t);
  const at = { url: `http://127.0.0.1:${server.port}` };
  startReverse(t, at.url, 'open-box', echo.address);
  const agent = startProgram(
    t,
    ['tcp', echo.address, '--name', 'box', '--server', `ws://127.0.0.1:${server.port}`, '--json'],
    { env: { SALLYPORT_TOKEN: testToken } },
  );
  await agent.line((line) => (line.includes('registered') ? line : undefined));
  const login = { CALLBACKPROXY_USER: 'default', CALLBACKPROXY_PASSWORD: testToken };
  const admitted = await runProxy(t, ['--server', at.url, 'box'], { input: 'native', env: login });
  assert.deepEqual([admitted.out, admitted.code], ['native', 0]);
  const refused = await runProxy(t, ['--server', at.url, 'box'], { input: 'native' });
  assert.deepEqual([refused.out, refused.code], ['', 1]);
  assert.match(refused.err, /401/);
  await until('the open one answers', async () => {
    const open = await runProxy(t, ['--server', at.url, 'open-box'], { input: 'open' });
    return open.out === 'open';
  });
  const canary = [refused.err, admitted.err, server.program.err(), agent.err()].join('\n');
  assert.ok(!canary.includes(testToken));
});

test('several addresses, a context path, and addresses from a proxy on this machine', async (t) => {
  const second = await freePort();
  const server = await startCallback(
    t,
    `--listen.addr=tcp://127.0.0.1:${second}`,
    '--http.context-path=/cb',
    '--proxy.timeout=100ms',
  );
  const at = { url: `http://127.0.0.1:${second}/cb` };
  const reverse = startReverse(t, at.url, 'box', '127.0.0.1:1', '--reconnect-interval=10ms');
  await registered(at, 'box');
  assert.match((await callbacks(at)).sessions.box.remote_addr, /^127\.0\.0\.1:\d+$/);
  await server.program.end();
  await reverse.logLine((line) => (line.includes('Attempting to reconnect.') ? line : undefined));
  assert.match(reverse.err(), /Disconnected due to error: /);
});
