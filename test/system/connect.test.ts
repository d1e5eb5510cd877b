import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { startClient, startServer, startService, startTunnel } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;

test('connect joins stdin and stdout to the service, byte for byte', async (t) => {
  const echo = await startEcho(t);
  const { server } = await startTunnel(t, ['tcp', echo.address, '--name', 'box']);
  const connect = startClient(t, server, ['connect', 'box'], { raw: true });
  noiseStream(32 * MB).pipe(connect.stdin);
  const back = await digestOf(connect.stdout);
  assert.deepEqual(back, { bytes: 32 * MB, digest: noiseDigest(32 * MB) });
  assert.equal((await connect.ended()).code, 0);
});

test('the end of stdin reaches the service, and its answer still comes', async (t) => {
  const target = await startTcpTarget(t, (socket) => {
    let heard = 0;
    socket.on('data', (piece) => (heard += piece.length));
    socket.on('end', () => setTimeout(() => socket.end(`heard ${heard}`), 500));
  });
  const { server } = await startTunnel(t, ['tcp', target.address, '--name', 'box']);
  const connect = startClient(t, server, ['connect', 'box']);
  connect.stdin.end(noiseBytes(100_000));
  assert.equal((await connect.ended()).code, 0);
  assert.equal(connect.out(), 'heard 100000', 'nothing but the service’s bytes on stdout');
});

test('the end of the service ends stdout while stdin is still open', async (t) => {
  const target = await startTcpTarget(t, (socket) => socket.end('goodbye'));
  const { server } = await startTunnel(t, ['tcp', target.address, '--name', 'box']);
  const connect = startClient(t, server, ['connect', 'box'], { raw: true });
  const { bytes } = await within(10_000, digestOf(connect.stdout), 'the end of stdout');
  assert.equal(bytes, 'goodbye'.length);
});

test('whoever reads stdout and goes away ends it, without a word', async (t) => {
  const target = await startTcpTarget(t, (socket) => void noiseStream(64 * MB).pipe(socket));
  const { server } = await startTunnel(t, ['tcp', target.address, '--name', 'box']);
  const connect = startClient(t, server, ['connect', 'box'], { raw: true });
  await within(10_000, once(connect.stdout, 'data'), 'the first bytes');
  connect.stdout.destroy();
  assert.equal((await connect.ended()).code, 0);
  assert.equal(connect.err(), '');
});

test('each failure of connect has its own exit code and names the cause on stderr', async (t) => {
  const echo = await startEcho(t);
  const server = await startServer(t);
  const dead = await freePort();
  await startService(t, server, ['tcp', echo.address, '--name', 'box']);
  await startService(t, server, ['tcp', String(dead), '--name', 'dead']);
  const nowhere = ['--server', `ws://127.0.0.1:${dead}`];
  const cases: [string[], number, string, Record<string, string>?][] = [
    [['connect', 'box'], 3, 'AUTH_FAILED', { SALLYPORT_TOKEN: 'sp_wrong-token-wrong-token' }],
    [['connect', 'box', '--target', '127.0.0.1:22'], 3, 'TARGET_DENIED'],
    [['connect', 'box', ...nowhere], 5, 'SERVER_UNREACHABLE'],
    [['connect', 'nobody'], 6, 'SERVICE_UNKNOWN'],
    [['connect', 'dead'], 7, 'TARGET_REFUSED'],
  ];
  for (const [words, code, name, env = {}] of cases) {
    const connect = startClient(t, server, words, { env });
    const exit = await connect.ended();
    assert.equal(exit.code, code, `${words.join(' ')}: ${connect.err()}`);
    assert.match(connect.err(), new RegExp(name));
    assert.equal(connect.out(), '');
  }
});

test('--target reaches what the service allows, and nothing else', async (t) => {
  const own = await startEcho(t);
  const other = await startTcpTarget(t, (socket) => socket.end('other'));
  const third = await startTcpTarget(t, (socket) => socket.end('third'));
  const allow = ['--allow', `127.0.0.0/8:${other.port}`];
  const { server } = await startTunnel(t, ['tcp', own.address, '--name', 'box', ...allow]);
  const to = (target: string) => startClient(t, server, ['connect', 'box', '--target', target]);
  const allowed = to(other.address);
  allowed.stdin.end();
  assert.equal((await allowed.ended()).code, 0, allowed.err());
  assert.equal(allowed.out(), 'other');
  const denied = to(third.address);
  assert.equal((await denied.ended()).code, 3);
  assert.equal(third.accepted(), 0, 'nothing was dialled');
});

test('a hangup, as ssh ends its ProxyCommand: what was written before it still arrives', async (t) => {
  const { promise: last, resolve } = Promise.withResolvers<string>();
  let heard = '';
  const target = await startTcpTarget(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.endsWith('last words')) resolve(heard);
    });
  });
  const { server } = await startTunnel(t, ['tcp', String(target.port), '--name', 'box']);
  const client = startClient(t, server, ['connect', 'box']);
  client.stdin.write('hello');
  await until('it is through', () => heard === 'hello');
  client.stdin.write('last words');
  client.kill('SIGHUP');
  assert.equal(await within(10_000, last), 'hellolast words');
  client.stdin.end();
  assert.ok([0, 130, 143].includes((await client.ended()).code ?? -1));
});
