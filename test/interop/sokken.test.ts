/** Our sokken server and client, by their command lines, together with a peer in Go. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { before, describe, test, type TestContext } from 'node:test';
import { ask } from '../support/http-client.ts';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { runPeer } from '../support/peer.ts';
import { startSshd } from '../support/sshd.ts';
import { converse, freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import { startServer as startNative, testToken } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';
import { buildGoProgram, withoutGo } from './go-programs.ts';
import { digestOfFirst, launch, sallyport, type Process } from './process.ts';

const MB = 1024 * 1024;
const LONG = process.env.SALLYPORT_TEST_LONG === '1';
/** Longer than the longest timer of either side. */
const IDLE_MS = LONG ? 130_000 : 0;

type Maker = 'sallyport' | 'go';

let program = '';
before(async () => {
  if (!withoutGo) program = await buildGoProgram('./sokken');
});

interface Running {
  /** In the order in which they were told. */
  readonly ports: readonly number[];
  readonly process: Process;
}

async function start(t: TestContext, words: string[], ports: number): Promise<Running> {
  const ours = words[0] === process.execPath;
  const child = launch(t, words);
  let said = '';
  child.stdout.on('data', (piece: Buffer) => (said += String(piece)));
  const told = (): number[] => {
    const [text, pattern] = ours ? [child.said(), /"port":(\d+)/g] : [said, /^(\d+)$/gm];
    return [...text.matchAll(pattern)].map(([, port]) => Number(port));
  };
  await until(`${ports} ports are told`, () => told().length >= ports);
  return { ports: told(), process: child };
}

function startServer(t: TestContext, maker: Maker, allow: string[], options: string[] = []) {
  const words = [...options, '127.0.0.1:0', ...allow];
  return maker === 'go'
    ? start(t, [program, 'server', ...words], 1)
    : start(t, sallyport('sokken', 'server', ...words), 1);
}

/** The ports of its tunnels only. */
async function startClient(t: TestContext, maker: Maker, urls: string[], options: string[] = []) {
  const pairs = urls.flatMap((url) => ['127.0.0.1:0', url]);
  if (maker === 'go') return start(t, [program, 'client', ...options, ...pairs], urls.length);
  const words = sallyport('sokken', 'client', ...options, '127.0.0.1:0', ...pairs);
  const { ports, process } = await start(t, words, urls.length + 1);
  return { ports: ports.slice(1), process };
}

function connect(t: TestContext, port: number): net.Socket {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.after(() => socket.destroy());
  return socket.on('error', () => {});
}

/** Resolves when it was ended or broken off. */
function gone(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.resume().once('end', resolve).once('close', resolve);
  });
}

const pairings: [server: Maker, client: Maker][] = [
  ['sallyport', 'go'],
  ['go', 'sallyport'],
  ['sallyport', 'sallyport'],
];

for (const [server, client] of pairings) {
  describe(`server ${server}, client ${client}`, { skip: withoutGo }, () => {
    async function through(t: TestContext, target: string): Promise<number> {
      const { ports } = await startServer(t, server, [target]);
      const url = `ws://127.0.0.1:${ports[0]}/tunnel/${target}`;
      return (await startClient(t, client, [url])).ports[0];
    }

    test('ten times 1 MiB, and 200 MB, both ways at once', async (t) => {
      const socket = connect(t, await through(t, (await startEcho(t)).address));
      for (let n = 0; n < 10; n++) {
        noiseStream(MB).pipe(socket, { end: false });
        assert.equal(await digestOfFirst(socket, MB), noiseDigest(MB));
      }
      noiseStream(200 * MB).pipe(socket, { end: false });
      assert.equal(await digestOfFirst(socket, 200 * MB), noiseDigest(200 * MB));
    });

    test('an upload that ends arrives whole', async (t) => {
      const got = Promise.withResolvers<string>();
      const target = await startTcpTarget(t, (socket) => {
        void digestOf(socket).then(({ digest }) => got.resolve(digest), got.reject);
      });
      const socket = connect(t, await through(t, target.address));
      noiseStream(20 * MB).pipe(socket);
      assert.equal(await within(20_000, got.promise), noiseDigest(20 * MB));
    });

    test('a download that ends arrives whole, and ends', async (t) => {
      const target = await startTcpTarget(t, (socket) => noiseStream(20 * MB).pipe(socket));
      const got = await within(20_000, digestOf(connect(t, await through(t, target.address))));
      assert.deepEqual(got, { bytes: 20 * MB, digest: noiseDigest(20 * MB) });
    });

    if (client === 'sallyport')
      test('a consumer that has ended its direction still gets its answer', async (t) => {
        const port = await through(t, (await startEcho(t)).address);
        const answer = await converse(port, noiseBytes(MB));
        assert.ok(answer.equals(noiseBytes(MB)));
      });

    test('ssh', async (t) => {
      const sshd = await startSshd(t);
      const port = await through(t, `127.0.0.1:${sshd.port}`);
      const input = noiseBytes(4 * MB);
      const words = ['ssh', ...sshd.options, '-p', String(port), '127.0.0.1', 'cat; exit 3'];
      const { code, out, err } = await runPeer(words, { input });
      assert.equal(code, 3, err);
      assert.ok(input.equals(out));
    });

    test('an address that is not listed closes the local connection at once', async (t) => {
      const { ports } = await startServer(t, server, ['127.0.0.1:1']);
      const url = `ws://127.0.0.1:${ports[0]}/tunnel/127.0.0.1:2`;
      const near = await startClient(t, client, [url]);
      const socket = connect(t, near.ports[0]);
      await within(5_000, gone(socket), 'its end');
      await until('it is told', () => /not allowed|does not list/.test(near.process.said()));
    });

    test('the limit refuses the second, and no later one', async (t) => {
      const { address } = await startEcho(t);
      const far = await startServer(t, server, [address], ['-max-connections', '1']);
      const url = `ws://127.0.0.1:${far.ports[0]}/tunnel/${address}`;
      const { ports } = await startClient(t, client, [url]);
      const first = connect(t, ports[0]);
      first.write('one');
      await digestOfFirst(first, 3);
      const second = connect(t, ports[0]);
      await within(5_000, gone(second), 'its end');
      first.destroy();
      const free = async (): Promise<boolean> => {
        const { text } = await ask({ port: far.ports[0], path: '/health' });
        return (JSON.parse(text) as { connections: number }).connections === 0;
      };
      await until('there is room', free);
      const third = connect(t, ports[0]);
      third.write('three');
      await digestOfFirst(third, 5);
    });

    test('idle for longer than any timer', { skip: LONG ? false : 'in a long run' }, async (t) => {
      const socket = connect(t, await through(t, (await startEcho(t)).address));
      socket.write('before');
      await digestOfFirst(socket, 6);
      socket.resume();
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      socket.write('after');
      await digestOfFirst(socket, 5);
    });
  });
}

describe('ours with a peer in Go', { skip: withoutGo }, () => {
  test('a target that is not there: the client in Go closes at once', async (t) => {
    const target = `127.0.0.1:${await freePort()}`;
    const { ports } = await startServer(t, 'sallyport', [target]);
    const near = await startClient(t, 'go', [`ws://127.0.0.1:${ports[0]}/tunnel/${target}`]);
    const socket = connect(t, near.ports[0]);
    await within(5_000, gone(socket), 'its end');
    await until('it is told', () => near.process.said().includes('TARGET_REFUSED'));
  });

  test('one client with two tunnels to one server, and one to another', async (t) => {
    const said = ['one', 'two', 'three'];
    const greet = (word: string) => startTcpTarget(t, (socket) => socket.end(word));
    const targets = await Promise.all(said.map(greet));
    const [a, b, c] = targets.map(({ address }) => address);
    for (const client of ['go', 'sallyport'] as const) {
      const ours = await startServer(t, 'sallyport', [a, b]);
      const theirs = await startServer(t, 'go', [c]);
      const base = `ws://127.0.0.1:${ours.ports[0]}/tunnel`;
      const urls = [
        `${base}/${a}`,
        `${base}/${b}`,
        `ws://127.0.0.1:${theirs.ports[0]}/tunnel/${c}`,
      ];
      const { ports } = await startClient(t, client, urls);
      const heard = await Promise.all(ports.map((port) => digestOf(connect(t, port))));
      assert.deepEqual(
        heard.map(({ bytes }) => bytes),
        said.map(({ length }) => length),
      );
    }
  });

  test('a client in Go presents a token in its URL', async (t) => {
    const echo = await startEcho(t);
    const server = await startNative(t, ['--compat', 'sokken', '--sokken-allow', echo.address]);
    for (const [login, heard] of [
      ['', 0],
      ['default:sp_another-token@', 0],
      [`default:${testToken}@`, 4],
    ] as const) {
      const url = `ws://${login}127.0.0.1:${server.port}/tunnel/${echo.address}`;
      const near = await startClient(t, 'go', [url]);
      const socket = connect(t, near.ports[0]);
      socket.write('word');
      if (heard > 0) await digestOfFirst(socket, heard);
      else await within(5_000, gone(socket), 'its end');
    }
  });

  test('1,000 short connections, eight at once, from a client in Go', async (t) => {
    const echo = await startEcho(t);
    const far = await startServer(t, 'sallyport', [echo.address]);
    const url = `ws://127.0.0.1:${far.ports[0]}/tunnel/${echo.address}`;
    const { ports } = await startClient(t, 'go', [url]);
    let left = 1_000;
    const inTurn = async (): Promise<void> => {
      while (left-- > 0) {
        const socket = connect(t, ports[0]);
        socket.write('a word');
        await digestOfFirst(socket, 6);
        if (left % 2 === 0) socket.destroy();
        else socket.end();
      }
    };
    await Promise.all(Array.from({ length: 8 }, inTurn));
    await until('all are over', () => echo.open.size === 0);
    await until('none is counted', async () => {
      const { text } = await ask({ port: far.ports[0], path: '/health' });
      return text.includes('"connections": 0');
    });
  });
});
