import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { makeCertificate, temporaryFile } from '../support/files.ts';
import { runProgram } from '../support/program.ts';
import { startEcho } from '../support/tcp-targets.ts';
import {
  startClient,
  startServer,
  startService,
  testToken,
  tokenInEnvironment,
  type Server,
} from '../support/tunnel.ts';

/** A command of an operator, run to its end. */
function operate(t: TestContext, server: { port: number }, ...words: string[]) {
  const env = { ...tokenInEnvironment, SALLYPORT_SERVER: `http://127.0.0.1:${server.port}` };
  return runProgram(t, words, { env });
}

async function startBox(t: TestContext, flags: readonly string[] = []): Promise<Server> {
  const server = await startServer(t, flags);
  const echo = await startEcho(t);
  await startService(t, server, ['tcp', echo.address, '--name', 'box']);
  return server;
}

/** A consumer whose stream stands. */
async function connectBox(t: TestContext, server: Server) {
  const consumer = startClient(t, server, ['connect', 'box'], { raw: true });
  consumer.stdin.write('x');
  for await (const _ of consumer.stdout.iterator({ destroyOnReturn: false })) break;
  return consumer;
}

test('ls, ps and status show what there is, for people and as JSON', async (t) => {
  const server = await startBox(t);
  await connectBox(t, server);
  const ls = await operate(t, server, 'ls');
  assert.equal(ls.code, 0, ls.err);
  assert.match(
    ls.out,
    /^SERVICE +KIND .*\nbox +tcp +s1 +1 +sallyport connect box\n\nAGENT .*\ns1 /,
  );
  const { services, agents } = JSON.parse((await operate(t, server, 'ls', '--json')).out) as {
    services: { items: { service: string }[] };
    agents: { total: number };
  };
  assert.deepEqual([services.items[0].service, agents.total], ['box', 1]);
  const ps = await operate(t, server, 'ps');
  assert.match(ps.out, /^STREAM .*\n[0-9a-f]{8}-\w+ +box +tcp +127\.0\.0\.1:\d+ +default +- +s1 /);
  assert.equal((await operate(t, server, 'ps', '--service', 'web')).out, 'No streams.\n');
  const status = await operate(t, server, 'status');
  assert.match(status.out, /^clients +1 agent, 1 consumer$/m);
  assert.equal(JSON.parse((await operate(t, server, 'status', '--json')).out).streams, 1);
});

test('ls -w shows changes as they come', async (t) => {
  const server = await startBox(t);
  const watching = startClient(t, server, ['ls', '-w', '--json']);
  const names = (line: string): string =>
    (
      JSON.parse(line) as { services: { items: { service: string; present: boolean }[] } }
    ).services.items
      .map(({ service, present }) => `${service} ${present}`)
      .join();
  await watching.line((line) => (names(line) === 'box true' ? true : undefined));
  const echo = await startEcho(t);
  const { program } = await startService(t, server, ['tcp', echo.address, '--name', 'new']);
  await watching.line((line) => (names(line) === 'box true,new true' ? true : undefined));
  await program.end('SIGKILL');
  await watching.line((line) => (names(line) === 'box true,new false' ? true : undefined));
  assert.equal((await watching.end('SIGTERM')).code, 0);
});

describe('events', () => {
  test('those before now, and with -f those that come, filtered', async (t) => {
    const server = await startBox(t);
    const recent = await operate(t, server, 'events');
    assert.match(
      recent.out,
      /^\d{4}-\S+Z client\.up session=s1 role=agent [^\n]*\n\S+Z service\.up service=box /,
    );
    const following = startClient(t, server, [
      'events',
      '-f',
      '--limit',
      '1',
      '--type',
      'service.*',
      '--json',
    ]);
    const seen = (service: string) => (line: string) =>
      (JSON.parse(line) as { service: string }).service === service ? line : undefined;
    await following.line(seen('box'));
    const echo = await startEcho(t);
    await startService(t, server, ['tcp', echo.address, '--name', 'new']);
    await following.line(seen('new'));
    const types = following
      .out()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    assert.deepEqual(types, ['service.up', 'service.up']);
    assert.equal((await following.end('SIGINT')).code, 0);
  });

  test('a server that comes back is followed on, and what was missed is told', async (t) => {
    const first = await startBox(t);
    const words = ['events', '-f', '--limit', '1', '--type', 'client.up'];
    const following = startClient(t, first, words);
    await following.line((line) => line.includes('session=s1') || undefined);
    await first.program.end('SIGKILL');
    await following.logLine((line) => line.includes('asking again') || undefined);
    await startServer(t, ['--listen', `127.0.0.1:${first.port}`]);
    await following.logLine((line) => line.includes('started anew') || undefined);
    const consumer = startClient(t, first, ['connect', 'box']);
    await following.line((line) => line.includes('role=consumer') || undefined);
    await consumer.end('SIGKILL');
  });
});

test('kick ends what it names, with a reason that its agent reads', async (t) => {
  const server = await startServer(t);
  const echo = await startEcho(t);
  const { program } = await startService(t, server, ['tcp', echo.address, '--name', 'box']);
  const consumer = await connectBox(t, server);
  const ps = JSON.parse((await operate(t, server, 'ps', '--json')).out) as {
    items: { stream: string }[];
  };
  const stream = await operate(t, server, 'kick', 'stream', ps.items[0].stream);
  assert.deepEqual([stream.code, stream.out], [0, 'ended: 0 sessions, 0 services, 1 stream\n']);
  await consumer.ended();
  const again = await operate(t, server, 'kick', 'stream', ps.items[0].stream);
  assert.equal(again.code, 6);
  assert.match(again.err, /^sallyport: CONTROL_UNKNOWN: stream /);
  const words = ['kick', 'agent', 's1', '--reason', 'moving house', '--json'];
  const agent = JSON.parse((await operate(t, server, ...words)).out) as object;
  assert.ok('sessions' in agent && agent.sessions === 1);
  assert.equal((await program.ended()).code, 3);
  assert.match(program.err(), /KICKED[^\n]*moving house/);
});

test('control shows and does the rest', async (t) => {
  const server = await startBox(t);
  const out = async (...words: string[]): Promise<string> => {
    const { code, out: text, err } = await operate(t, server, 'control', ...words);
    assert.equal(code, 0, err);
    return text;
  };
  assert.match(await out('identities'), /^default +agent consumer admin +\* +1 +0$/m);
  assert.match(await out('routes'), /^BY /);
  assert.match(await out('config'), /"token": "\*\*\*"/);
  assert.equal(await out('reload'), 'changed: nothing\n');
  assert.equal(await out('revoke', 'sso:ann'), 'ended: 0 sessions, 0 services, 0 streams\n');
  assert.equal(await out('restore', 'sso:ann'), 'restored: "sso:ann"\n');
  const misspelt = await operate(t, server, 'control', 'revoke', 'defautl');
  assert.equal(misspelt.code, 6, 'nobody takes it for done');
  assert.match(misspelt.err, /CONTROL_UNKNOWN: identity "defautl": there is none/);
  assert.match(await out('drain'), /takes nothing new/);
});

describe('exit codes', () => {
  test('5 for a server that is not there', async (t) => {
    const { code, err } = await operate(t, { port: 1 }, 'status');
    assert.equal(code, 5);
    assert.match(err, /SERVER_UNREACHABLE/);
  });

  test('3 for a wrong token, and for none', async (t) => {
    const server = await startServer(t);
    const wrong = {
      SALLYPORT_SERVER: `ws://127.0.0.1:${server.port}`,
      SALLYPORT_TOKEN: 'sp_wrong',
    };
    assert.equal((await runProgram(t, ['ls'], { env: wrong })).code, 3);
    const none = { ...wrong, SALLYPORT_TOKEN: undefined };
    assert.equal((await runProgram(t, ['ls'], { env: none })).code, 3);
  });

  test('5 for what is no Sallyport server', async (t) => {
    const { createServer } = await import('node:http');
    const server = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    for (const command of ['status', 'ls', 'ps', 'events']) {
      const { code, err } = await operate(t, { port }, command);
      assert.deepEqual([code, /SERVER_NOT_SALLYPORT/.test(err)], [5, true], err);
    }
  });

  test('6 where control has an address of its own, which is said', async (t) => {
    const server = await startServer(t, ['--control-listen', '127.0.0.1:0']);
    const { code, err } = await operate(t, server, 'ls');
    assert.deepEqual([code, /ROUTE_UNKNOWN: .*control_listen/.test(err)], [6, true], err);
  });

  test('2 for words that are none', async (t) => {
    const cases = [
      ['kick', 'agnet', 's1'],
      ['kick', 'agent'],
      ['control', 'relod'],
      ['control', 'revoke'],
      ['events', '-x'],
    ];
    for (const words of cases)
      assert.equal((await operate(t, { port: 1 }, ...words)).code, 2, words.join(' '));
  });
});

test('a server with TLS is controlled by its certificate, and not without', async (t) => {
  const { cert, key } = await makeCertificate('127.0.0.1');
  const [certFile, keyFile] = [
    temporaryFile(t, 'cert.pem', cert),
    temporaryFile(t, 'key.pem', key),
  ];
  const server = await startServer(t, ['--tls-cert', certFile, '--tls-key', keyFile]);
  const env = { SALLYPORT_TOKEN: testToken, SALLYPORT_SERVER: `wss://127.0.0.1:${server.port}` };
  assert.equal((await runProgram(t, ['status'], { env })).code, 5, 'nobody has signed it');
  const trusted = await runProgram(t, ['status', '--ca', certFile], { env });
  assert.equal(trusted.code, 0, trusted.err);
});
