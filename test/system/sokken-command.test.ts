/** `sallyport sokken …`: the grammar, the log and the exit codes of the original. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { makeCertificate, temporaryFile, temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';
import { openRawTunnel } from '../support/sokken.ts';
import { converse, startEcho } from '../support/tcp-targets.ts';
import { startServer } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

/** Starts `sokken` and these words; gives the port of the line with that text. */
async function start(t: TestContext, words: string[], text: string) {
  const program = startProgram(t, ['sokken', ...words]);
  const port = await program.logLine((line) => {
    const told = JSON.parse(line) as { message: string; port: number };
    return told.message.startsWith(text) ? told.port : undefined;
  });
  return { program, port };
}

function messages(program: Program): Record<string, unknown>[] {
  const lines = program.err().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The warning of a server that lets everybody in. */
const needsNoToken = /"level":"warn",[^\n]*clients need no token/;

describe('the command line', () => {
  const wrong = [
    [],
    ['serve'],
    ['server'],
    ['server', ':0'],
    ['client', ':0'],
    ['client', ':0', ':0'],
    ['client', ':0', ':0', 'ws://x/tunnel/a:1', ':0'],
    ['-no-such-flag', 'server', ':0', 'a:1'],
    ['server', '-max-connections', 'many', '127.0.0.1:0', 'a:1'],
    ['server', '127.0.0.1:0', 'no-address'],
    ['client', '127.0.0.1:0', '127.0.0.1:0', 'ftp://x/'],
    ['server', '-ca', 'x', '127.0.0.1:0', 'a:1'],
  ];
  for (const words of wrong)
    test(`sokken ${words.join(' ')}: exit 2`, async (t) => {
      const { code, out, err } = await runProgram(t, ['sokken', ...words]);
      assert.equal(code, 2);
      assert.equal(out, '');
      assert.match(err, /Usage: |USAGE: /);
    });

  test('help is no failure', async (t) => {
    for (const words of [['-h'], ['--help'], ['server', '-help']]) {
      const { code, out } = await runProgram(t, ['sokken', ...words]);
      assert.equal(code, 0);
      assert.match(out, /^Usage: sallyport sokken server .*-log-max-size-mb/s);
    }
  });

  test('options count before and behind the word, with one hyphen or two', async (t) => {
    const words = ['-max-connections=7', 'server', '--log-debug', '127.0.0.1:0', '127.0.0.1:1'];
    const { port } = await start(
      t,
      words,
      'listening on 127.0.0.1:0, tunnelling to: [127.0.0.1:1]',
    );
    assert.match((await ask({ port, path: '/health' })).text, /"max-connections": 7,/);
  });

  test('an address in use: exit 1', async (t) => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as net.AddressInfo;
    for (const words of [
      ['server', `127.0.0.1:${port}`, 'a:1'],
      ['client', '127.0.0.1:0', `127.0.0.1:${port}`, 'ws://127.0.0.1:1/tunnel/a:1'],
      ['client', `127.0.0.1:${port}`, '127.0.0.1:0', 'ws://127.0.0.1:1/tunnel/a:1'],
    ]) {
      const { code, err } = await runProgram(t, ['sokken', ...words]);
      assert.equal(code, 1);
      assert.match(err, /LISTEN_FAILED/);
    }
  });
});

describe('server and client', () => {
  test('tell of a tunnel as the originals do, and of the client’s name and address', async (t) => {
    const echo = await startEcho(t);
    const server = await start(t, ['server', '127.0.0.1:0', echo.address], 'listening on');
    const url = `ws://127.0.0.1:${server.port}/tunnel/${echo.address}`;
    const words = ['client', '-name', 'laptop', '127.0.0.1:0', '127.0.0.1:0', url];
    const client = await start(t, words, 'tunnelling 127.0.0.1:0 to ');
    assert.equal(String(await converse(client.port, 'hello')), 'hello');
    const ended = ({ program }: { program: Program }): boolean =>
      program.err().includes('plumbing end');
    await until('both have told', () => ended(server) && ended(client));

    assert.match(server.program.err(), needsNoToken);
    const [line] = messages(server.program).filter(({ message }) => message === 'plumbing start');
    const { time, client: peer, ...fields } = line;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
    assert.deepEqual(fields, {
      level: 'info',
      target: echo.address,
      'x-forwarded-for': '',
      'client-name': 'laptop',
      'active-connections': 1,
      message: 'plumbing start',
    });
    assert.deepEqual(
      messages(client.program).map(({ message }) => String(message).replace(/[\d.]+s$/, 'Ns')),
      [
        'max connections: 100',
        'health endpoint listening on 127.0.0.1:0',
        `tunnelling 127.0.0.1:0 to ${url}`,
        'tunnel request',
        'plumbing start',
        'plumbing end, lasted Ns',
      ],
    );
    const health = messages(client.program)[1].port as number;
    const { status, text } = await ask({ port: health, path: '/health', method: 'POST' });
    assert.deepEqual([status, (JSON.parse(text) as { connections: number }).connections], [200, 0]);
  });

  for (const [signal, name] of [
    ['SIGINT', 'interrupt'],
    ['SIGTERM', 'terminated'],
    ['SIGHUP', 'hangup'],
  ] as const)
    test(`${signal} ends both with exit code 1, and their tunnels in words`, async (t) => {
      const echo = await startEcho(t);
      const server = await start(t, ['server', '127.0.0.1:0', echo.address], 'listening on');
      const raw = await openRawTunnel(t, server.port, echo.address);
      const url = `ws://127.0.0.1:${server.port}/tunnel/${echo.address}`;
      const words = ['client', '127.0.0.1:0', '127.0.0.1:0', url];
      const client = await start(t, words, 'tunnelling');
      for (const { program } of [client, server]) {
        assert.deepEqual(await program.end(signal), { code: 1, signal: null });
        const { level, message } = messages(program).at(-1)!;
        assert.deepEqual([level, message], ['fatal', `got signal '${name}', exiting`]);
      }
      assert.equal((await raw.frame(8)).payload.readUInt16BE(), 1011);
    });

  test('a key in a file, wss with an authority of its own, and a token that is in no log', async (t) => {
    const echo = await startEcho(t);
    const key = 'sp_key-of-the-sokken-command-test';
    const keyFile = temporaryFile(t, 'key', `${key}\n`);
    const words = ['server', '-keyfile', keyFile, '127.0.0.1:0', echo.address];
    const server = await start(t, words, 'listening on');
    const url = `ws://127.0.0.1:${server.port}/tunnel/${echo.address}`;
    assert.match((await openRawTunnel(t, server.port, echo.address)).head, / 401 /);
    assert.doesNotMatch(server.program.err(), needsNoToken);
    const pairs = ['127.0.0.1:0', '127.0.0.1:0', url];
    const client = await start(t, ['client', '-keyfile', keyFile, ...pairs], 'tunnelling');
    assert.equal(String(await converse(client.port, 'hello')), 'hello');

    const made = await makeCertificate('127.0.0.1');
    const [cert, certKey] = [
      temporaryFile(t, 'c.pem', made.cert),
      temporaryFile(t, 'k.pem', made.key),
    ];
    const native = await startServer(
      t,
      `--tls-cert ${cert} --tls-key ${certKey} --compat sokken --sokken-allow ${echo.address}`.split(
        ' ',
      ),
      { env: { SALLYPORT_TOKEN: key } },
    );
    const secure = `wss://default:${key}@127.0.0.1:${native.port}/tunnel/${echo.address}`;
    const trusting = await start(
      t,
      ['client', '-ca', cert, '127.0.0.1:0', '127.0.0.1:0', secure],
      'tunnelling',
    );
    assert.equal(String(await converse(trusting.port, 'hello')), 'hello');
    for (const { program } of [server, client, trusting])
      assert.doesNotMatch(program.err(), new RegExp(key));
  });
});

describe('log files', () => {
  test('are told of, grow to their size, and are put aside', async (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'sokken.log');
    writeFileSync(file, '');
    const options = ['-log-file', file, '-log-max-size-mb', '1', '-log-max-rotated', '1'];
    const program = startProgram(t, ['sokken', ...options, 'server', '127.0.0.1:0', '127.0.0.1:1']);
    assert.equal(await program.line((line) => line), `logging to ${file}`);
    const read = (): string => readFileSync(file, 'utf8');
    await until('it listens', () => read().includes('listening on'));
    const port = Number(/"port":(\d+)/.exec(read())![1]);
    const fields = { 'X-Forwarded-For': '192.0.2.1, '.repeat(160) };
    let left = 1_400;
    const inTurn = async (): Promise<void> => {
      while (left-- > 0) {
        const tunnel = await openRawTunnel(t, port, '127.0.0.1:2', fields);
        tunnel.socket.destroy();
      }
    };
    await Promise.all(Array.from({ length: 20 }, inTurn));
    const aside = (): string[] => readdirSync(folder).filter((name) => name !== 'sokken.log');
    await until('one is put aside', () => aside().length === 1);
    await until('the log goes on', () => read().length > 0);
    assert.match(aside()[0], /^sokken-.*\.log$/);
    const size = statSync(path.join(folder, aside()[0])).size;
    assert.ok(size > 900_000 && size <= 1024 * 1024, String(size));
    assert.equal(program.err(), '');
  });

  test('-log-pretty wins over them', async (t) => {
    const file = path.join(temporaryFolder(t), 'sokken.log');
    const words = ['-log-pretty', '-log-file', file, 'server', '127.0.0.1:0', '127.0.0.1:1'];
    const program = startProgram(t, ['sokken', ...words]);
    const line = await program.logLine((text) => (text.includes('listening') ? text : undefined));
    assert.ok(line.includes('\u001b['), line);
    assert.throws(() => statSync(file));
  });
});
