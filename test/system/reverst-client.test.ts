/** `sallyport reverst http` against a server of reverst: its flags, its requests, its ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { temporaryFile, temporaryFolder } from '../support/files.ts';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { createRecorded, getRequest } from '../support/http3-exchange.ts';
import { digestOf, noiseStream } from '../support/noise.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';
import {
  startPublicSide,
  startReverstServer,
  type ReverstTestServer,
} from '../support/reverst-server.ts';
import { freePort, startTcpTarget } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';

const host = 'flipt.dev.local';
const patience = { timeout: 90_000 };

/** The program, registered; by default with the flags of the README's example. */
async function startHttp(
  t: TestContext,
  server: ReverstTestServer,
  addr: string,
  more: readonly string[] = [],
): Promise<Program> {
  const program = startProgram(t, ['reverst', 'http', ...flagsFor(t, server), ...more, addr]);
  await until('it is registered', () => server.clients.length === 1, 20_000);
  return program;
}

function flagsFor(t: TestContext, { port, certificate }: ReverstTestServer): string[] {
  const ca = temporaryFile(t, 'ca.pem', certificate.cert);
  const login = ['--username', 'user', '--password', 'pass'];
  return ['-a', `127.0.0.1:${port}`, '-n', host, '-c', ca, ...login];
}

interface Tunnel {
  readonly server: ReverstTestServer;
  readonly program: Program;
  /** Public port of the server. */
  readonly port: number;
}

async function tunnel(t: TestContext, addr: string): Promise<Tunnel> {
  const server = await startReverstServer(t);
  const program = await startHttp(t, server, addr);
  return { server, program, port: await startPublicSide(t, server) };
}

describe('requests', () => {
  test('the example of the README of the original', patience, async (t) => {
    const pong = (_: unknown, response: { end(text: string): void }) => response.end('PONG');
    const origin = await startOrigin(t, { handlers: { fo: pong } });
    const { server, program, port } = await tunnel(t, String(origin.port));
    assert.equal((await ask({ port, host, path: '/fo' })).text, 'PONG');
    const [{ group, metadata }] = server.requests;
    assert.equal(group, host);
    assert.equal(metadata.get('Authorization'), 'Basic dXNlcjpwYXNz');
    assert.match(origin.heads[0], /host: flipt\.dev\.local\r?\n/i);
    assert.match(origin.heads[0], /x-forwarded-for: 127\.0\.0\.1/i);
    assert.ok(!(program.out() + program.err()).includes('dXNlcjpwYXNz'));
    assert.equal((await program.end('SIGTERM')).code, 0);
    await until('the end has come', () => server.ends.length === 1);
    assert.deepEqual([server.ends[0].code, server.ends[0].reason], [0, '']);
  });

  test('12 MiB go up and 12 MiB come back, each byte as it was', patience, async (t) => {
    const origin = await startOrigin(t);
    const { port } = await tunnel(t, origin.address);
    const length = 12 * 1024 * 1024;
    const sent = await digestOf(noiseStream(length));
    const headers = { 'content-length': length };
    const up = { port, host, method: 'POST', path: '/digest', timeout: 60_000 };
    assert.equal((await ask({ ...up, headers, body: noiseStream(length) })).text, sent.digest);
    assert.equal((await ask({ ...up, body: noiseStream(length) })).text, sent.digest);
    for (const path of [`/noise/${length}`, `/chunks/${length}`]) {
      const down = await open({ port, host, path, timeout: 60_000 });
      assert.equal((await digestOf(down)).digest, sent.digest);
    }
  });

  test('an answer that comes before the body was read is passed on', patience, async (t) => {
    const origin = await startOrigin(t);
    const { server, port } = await tunnel(t, origin.address);
    const [{ http3 }] = server.clients;
    const got = createRecorded();
    const head = { ...getRequest, method: 'POST', path: '/refuse', contentLength: 12 << 20 };
    const exchange = http3.request(head, got);
    const piece = Buffer.alloc(64 * 1024);
    got.drained = () => {
      while (exchange.writable && got.head === null) exchange.body(piece);
    };
    got.drained();
    await until('it is answered', () => got.trailers !== null);
    assert.equal(got.head?.status, 413);
    assert.equal((await ask({ port, host, path: '/whoami' })).text, 'origin');
    assert.equal(server.requests.length, 1);
  });

  test('an event of a stream arrives at once', patience, async (t) => {
    const origin = await startOrigin(t);
    const { port } = await tunnel(t, origin.address);
    const response = await open({ port, host, path: '/events' });
    const [piece] = await within(10_000, once(response, 'data'));
    assert.match(String(piece), /data/);
    response.on('error', () => {}).destroy();
  });

  test(
    'a response that closes its connection is passed on without saying so',
    patience,
    async (t) => {
      const close = (_: unknown, response: ServerResponse) =>
        response.writeHead(200, { Connection: 'close', 'Keep-Alive': 'timeout=1' }).end('bye');
      const origin = await startOrigin(t, { handlers: { close } });
      const { server, port } = await tunnel(t, origin.address);
      for (let n = 0; n < 3; n++)
        assert.equal((await ask({ port, host, path: '/close' })).text, 'bye');
      assert.equal(server.requests.length, 1);
    },
  );

  test(
    'a target that is down is a 502, and the tunnel stays until it is up',
    patience,
    async (t) => {
      const targetPort = await freePort();
      const { server, port, program } = await tunnel(t, String(targetPort));
      for (let n = 0; n < 3; n++) {
        const { status, text } = await ask({ port, host });
        assert.equal(status, 502);
        assert.match(text, /TARGET_REFUSED/);
      }
      assert.match(program.out(), /TARGET_REFUSED/);
      const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup';
      await startTcpTarget(t, (socket) => socket.resume().end(answer), { port: targetPort });
      assert.equal((await ask({ port, host })).text, 'up');
      assert.equal(server.requests.length, 1);
    },
  );

  test('1000 callers of whom many give up do not lose the tunnel', patience, async (t) => {
    const origin = await startOrigin(t);
    const { server } = await tunnel(t, origin.address);
    const [{ http3 }] = server.clients;
    let answered = 0;
    let left = 0;
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => {
        const over = Promise.withResolvers<void>();
        const exchange = http3.request(
          { ...getRequest, path: `/slow/${Math.round((n * 900) / 1_000)}` },
          {
            ...createRecorded(),
            body: ({ length }) => exchange.credit(length),
            ended() {
              answered++;
              clearTimeout(late);
              over.resolve();
            },
            failed: over.reject,
          },
        );
        exchange.end();
        const late = setTimeout(() => {
          left++;
          exchange.cancel();
          over.resolve();
        }, 500);
        return over.promise;
      }),
    );
    assert.equal(answered + left, 1_000);
    assert.ok(left > 0, 'some gave up');
    const port = await startPublicSide(t, server);
    assert.equal((await ask({ port, host, path: '/whoami' })).text, 'origin');
    assert.equal(server.requests.length, 1);
    await until('nobody waits at the target', () => origin.open.size === 0, 20_000);
  });
});

describe('the command line', () => {
  test('wrong credentials end it with 3, and are told without them', patience, async (t) => {
    const verdict = { close: 0x2, reason: 'unauthorized' };
    const server = await startReverstServer(t, { verdict: () => verdict });
    const { code, err } = await runProgram(t, ['reverst', 'http', ...flagsFor(t, server), '3000']);
    assert.equal(code, 3);
    assert.match(
      err,
      /^error: reverst group "flipt\.dev\.local": .*\n {2}code: AUTH_FAILED\n {2}fix: Check --username and --password, or --token\./,
    );
    assert.ok(!err.includes('dXNlcjpwYXNz'));
    assert.equal(server.requests.length, 1);
  });

  test('an unknown group is told once, and found when it is there', patience, async (t) => {
    let there = false;
    const server = await startReverstServer(t, {
      verdict: () => (there ? 'ok' : { close: 0x1, reason: 'not found' }),
    });
    const program = startProgram(t, ['reverst', 'http', ...flagsFor(t, server), '3000']);
    await until('it has asked three times', () => server.requests.length >= 3, 20_000);
    there = true;
    await until('it is registered', () => server.clients.length === 1, 20_000);
    assert.equal(program.out().match(/SERVICE_UNKNOWN/g)?.length, 1);
    assert.match(program.out(), /Check --tunnel-group, and the groups of the server\./);
  });

  test('a server that lets go of it gets it back', patience, async (t) => {
    const server = await startReverstServer(t);
    const program = await startHttp(t, server, '3000');
    await program.line((line) => line.includes(' msg=registered ') || undefined);
    server.clients[0].close(0x0, 'server closing down');
    await until('it asks again', () => server.requests.length === 2);
    await until('it is registered', () => server.clients.length === 1);
  });

  test('flags come before variables, and variables before the file', patience, async (t) => {
    const server = await startReverstServer(t);
    const ca = temporaryFile(t, 'ca.pem', server.certificate.cert);
    const config = temporaryFile(
      t,
      'config.yml',
      `server-name: ${host}\ntunnel-group: of-file\ntoken: of-file\nscheme: of-file\ncacert-path: ${ca}\n`,
    );
    startProgram(t, ['reverst', 'http', '--token', 'of-flag', '3000'], {
      cwd: temporaryFolder(t),
      env: {
        REVERST_CONFIG: config,
        REVERST_TUNNEL_ADDRESS: `127.0.0.1:${server.port}`,
        REVERST_TOKEN: 'of-variable',
        REVERST_SCHEME: 'Of-Variable',
      },
    });
    await until('it is registered', () => server.clients.length === 1, 20_000);
    const [{ group, metadata }] = server.requests;
    assert.equal(group, 'of-file');
    assert.equal(metadata.get('Authorization'), 'Of-Variable of-flag');
  });

  const misuses: [name: string, args: string[], said: RegExp][] = [
    ['no server name', ['3000'], /^error: server-name must be non-empty string$/m],
    ['no address', ['-n', 'x'], /^error: ADDR is missing/m],
    ['two addresses', ['-n', 'x', '3000', '4000'], /^error: "4000"/m],
    ['an unknown flag', ['--nonsense', '3000'], /^error: unknown flag "--nonsense"/m],
    ['no duration', ['-n', 'x', '--max-idle-timeout', '5', '3000'], /^error: max-idle-timeout/m],
  ];
  for (const [name, args, said] of misuses) {
    test(`${name}: the help, what is wrong, and 1`, async (t) => {
      const cwd = temporaryFolder(t);
      const { code, err } = await runProgram(t, ['reverst', 'http', ...args], { cwd });
      assert.equal(code, 1);
      assert.match(err, said);
      assert.match(err, /-a, --tunnel-address/);
    });
  }

  test('an unknown key of the file is named with its line, and no value with it', async (t) => {
    const config = temporaryFile(t, 'config.yml', 'token: secret\ntokn: secret\n');
    const { code, err } = await runProgram(t, ['reverst', 'http', '--config', config, '3000']);
    assert.equal(code, 2);
    assert.match(err, /line 2: "tokn" is not known/);
    assert.ok(!err.includes('secret'));
  });

  test('--help says it all, on stdout', async (t) => {
    const { code, out } = await runProgram(t, ['reverst', 'http', '--help']);
    assert.equal(code, 0);
    assert.match(out, /--keep-alive-period DURATION/);
  });
});
