import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { startProgram } from '../support/program.ts';
import { startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { startClient, startServer, startService } from '../support/tunnel.ts';

const tokens = {
  red: 'sp_token-of-the-red-agent-0001',
  blue: 'sp_token-of-the-blue-agent-001',
  reader: 'sp_token-of-the-red-reader-001',
};

const as = (who: keyof typeof tokens) => ({ env: { SALLYPORT_TOKEN: tokens[who] } });

/** A server that knows three identities: an agent for red-*, one for blue, a consumer of red-*. */
function startScopedServer(t: TestContext) {
  const file = temporaryFile(
    t,
    'server.yaml',
    `identities:
  - name: red
    token: ${tokens.red}
    roles: [agent]
    names: ['red-*']
    hosts: ['*.red.test']
    ports: ['26000-26099']
  - name: blue
    token: ${tokens.blue}
    roles: [agent]
    names: [blue]
  - name: reader
    token: ${tokens.reader}
    roles: [consumer]
    names: ['red-*']
`,
  );
  return startServer(t, ['--config', file, '--tcp-ports', '26000-26199'], {
    env: { SALLYPORT_TOKEN: undefined },
  });
}

test('an agent registers only the names, hosts and ports of its scopes', async (t) => {
  const echo = await startEcho(t);
  const server = await startScopedServer(t);
  await startService(
    t,
    server,
    ['tcp', echo.address, '--name', 'red-box', '--port', '26001'],
    as('red'),
  );
  const refused: string[][] = [
    ['tcp', echo.address, '--name', 'blue'],
    ['tcp', echo.address, '--name', 'red-box', '--port', '26150'],
    ['http', echo.address, '--name', 'red-web', '--host', 'www.blue.test'],
  ];
  for (const words of refused) {
    const agent = startClient(t, server, words, as('red'));
    assert.equal((await agent.ended()).code, 3, words.join(' '));
    assert.match(agent.err(), /DENIED/);
  }
  const consumer = startClient(t, server, ['tcp', echo.address, '--name', 'red-box'], as('reader'));
  assert.equal((await consumer.ended()).code, 3, 'a consumer may not register');
});

test('every stream is authorised by itself: name, role and target', async (t) => {
  const red = await startTcpTarget(t, (socket) => socket.end('red'));
  const blue = await startTcpTarget(t, (socket) => socket.end('blue'));
  const server = await startScopedServer(t);
  await startService(t, server, ['tcp', red.address, '--name', 'red-box'], as('red'));
  await startService(t, server, ['tcp', blue.address, '--name', 'blue'], as('blue'));

  const allowed = startClient(t, server, ['connect', 'red-box'], as('reader'));
  allowed.stdin.end();
  assert.equal((await allowed.ended()).code, 0, allowed.err());
  assert.equal(allowed.out(), 'red');
  for (const [words, who] of [
    [['connect', 'blue'], 'reader'],
    [['connect', 'red-box', '--target', blue.address], 'reader'],
    [['connect', 'blue'], 'red'],
    [['connect', 'red-box'], 'red'],
  ] as const) {
    const denied = startClient(t, server, words, as(who));
    const { code } = await denied.ended();
    assert.equal(code, 3, `${who}: ${words.join(' ')}: ${denied.err()}`);
    assert.match(denied.err(), /DENIED/);
  }
  assert.equal(blue.accepted(), 0, 'nothing was dialled');
});

test('a server without a usable credential in its file does not start open', async (t) => {
  const cases = [
    'identities: []\n',
    "identities:\n  - name: a\n    token: ''\n    roles: [agent]\n",
    'token: file:/nonexistent/token\n',
  ];
  for (const text of cases) {
    const file = temporaryFile(t, 'server.yaml', text);
    const program = startProgram(t, ['server', '--config', file, '--listen', '127.0.0.1:0']);
    assert.equal((await program.ended()).code, 2, text);
  }
});
