import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import {
  callbacks,
  startCallbackServer,
  startProxy,
  startReverse,
  visit,
} from '../support/callback-peers.ts';
import { noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { runPeer } from '../support/peer.ts';
import { startSshd } from '../support/sshd.ts';
import { startEcho, startGreeter } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';
import { buildGoProgram, withoutGo } from './go-programs.ts';
import { digestOfFirst, launch, sallyport, type Process } from './process.ts';

const MB = 1024 * 1024;
const LONG = process.env.SALLYPORT_TEST_LONG === '1';
/** Longer than the longest timer of either side. */
const IDLE_MS = LONG ? 190_000 : 0;

type Maker = 'sallyport' | 'go';

describe('callback, with peers in Go', { skip: withoutGo }, () => {
  let program: Promise<string>;
  const go = (): Promise<string> => (program ??= buildGoProgram('./callback'));

  interface Place {
    readonly url: string;
    /** Resolves when the id is registered. */
    registered(id: string): Promise<unknown>;
  }

  async function startServer(t: TestContext, maker: Maker): Promise<Place> {
    if (maker === 'sallyport') {
      const server = await startCallbackServer(t);
      const listed = async (id: string) => id in (await callbacks(server)).sessions;
      return { url: server.url, registered: (id) => until(`${id} is there`, () => listed(id)) };
    }
    const child = launch(t, [await go(), 'server', '127.0.0.1:0']);
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    await until('it listens', () => lines.length > 0);
    return {
      url: `http://127.0.0.1:${lines[0]}`,
      registered: (id) => until(`${id} is there`, () => lines.includes(`registered ${id}`)),
    };
  }

  async function startReverseOf(t: TestContext, maker: Maker, url: string, id: string, to: string) {
    const ours = ['callback', 'reverse', `--server=${url}`, `--id=${id}`, `--connect=${to}`];
    return launch(t, maker === 'go' ? [await go(), 'reverse', url, id, to] : sallyport(...ours));
  }

  async function proxyWords(maker: Maker, url: string, id: string): Promise<string[]> {
    return maker === 'go'
      ? [await go(), 'proxy', url, id]
      : sallyport('callback', 'proxy', `--server=${url}`, id);
  }

  async function startProxyOf(t: TestContext, maker: Maker, url: string, id: string) {
    return launch(t, await proxyWords(maker, url, id));
  }

  const pairings: [server: Maker, reverse: Maker, proxy: Maker][] = [
    ['sallyport', 'go', 'go'],
    ['sallyport', 'go', 'sallyport'],
    ['sallyport', 'sallyport', 'go'],
    ['go', 'sallyport', 'sallyport'],
    ['go', 'go', 'sallyport'],
    ['go', 'sallyport', 'go'],
  ];

  for (const [server, reverse, proxy] of pairings) {
    describe(`server ${server}, reverse ${reverse}, proxy ${proxy}`, () => {
      async function start(t: TestContext, to: string): Promise<Process> {
        const place = await startServer(t, server);
        await startReverseOf(t, reverse, place.url, 'box', to);
        await place.registered('box');
        return startProxyOf(t, proxy, place.url, 'box');
      }

      test('ten times 1 MiB, and 200 MB, both ways at once', async (t) => {
        const child = await start(t, (await startEcho(t)).address);
        for (let n = 0; n < 10; n++) {
          noiseStream(MB).pipe(child.stdin, { end: false });
          assert.equal(await digestOfFirst(child.stdout, MB), noiseDigest(MB));
        }
        noiseStream(200 * MB).pipe(child.stdin, { end: false });
        assert.equal(await digestOfFirst(child.stdout, 200 * MB), noiseDigest(200 * MB));
      });

      test('a target that speaks first', async (t) => {
        const child = await start(t, (await startGreeter(t, '220 ready')).address);
        const [first] = (await once(child.stdout, 'data')) as [Buffer];
        assert.equal(String(first), '220 ready');
      });

      test('ssh', async (t) => {
        const sshd = await startSshd(t);
        const place = await startServer(t, server);
        await startReverseOf(t, reverse, place.url, 'box', `127.0.0.1:${sshd.port}`);
        await place.registered('box');
        const words = (await proxyWords(proxy, place.url, 'box')).join(' ');
        const input = noiseBytes(4 * MB);
        const ssh = await runPeer(
          ['ssh', ...sshd.options, '-o', `ProxyCommand=${words}`, 'box', 'cat; exit 3'],
          { input },
        );
        assert.equal(ssh.code, 3, ssh.err);
        assert.ok(input.equals(ssh.out));
      });

      test(
        'idle for longer than any timer',
        { skip: LONG ? false : 'in a long run' },
        async (t) => {
          const child = await start(t, (await startEcho(t)).address);
          child.stdin.write('before');
          await digestOfFirst(child.stdout, 6);
          // What is in Go gives up as the original does, when 60 s pass without a byte of the target.
          const kept = setInterval(() => proxy === 'go' && child.stdin.write('.'), 30_000);
          child.stdout.resume();
          await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
          clearInterval(kept);
          child.stdin.write('after');
          await digestOfFirst(child.stdout, 5);
        },
      );
    });
  }

  test('a reverse in Go is there for 300 consumers at once', async (t) => {
    const [place, echo] = [await startServer(t, 'sallyport'), await startEcho(t)];
    await startReverseOf(t, 'go', place.url, 'box', echo.address);
    await place.registered('box');
    const all = Array.from({ length: 300 }, async (_, n) => {
      const { duplex } = startProxy(t, place, 'box');
      const word = `consumer ${String(n).padStart(3, '0')}`;
      duplex.write(word);
      await digestOfFirst(duplex, word.length);
      duplex.destroy();
    });
    await Promise.all(all);
  });

  test('1,000 short sessions: a reverse in Go never sees an end twice', async (t) => {
    const [place, echo] = [await startServer(t, 'sallyport'), await startEcho(t)];
    const child = await startReverseOf(t, 'go', place.url, 'box', echo.address);
    await place.registered('box');
    let left = 1_000;
    const inTurn = async (): Promise<void> => {
      while (left-- > 0) {
        const visitor = await visit(t, place, 'box');
        visitor.socket.send('x');
        await visitor.hears(1);
        // In order, without a close frame, and broken off.
        if (left % 3 === 0) visitor.socket.close();
        else if (left % 3 === 1) visitor.socket.terminate();
        else visitor.socket.close(4000);
        await visitor.closed;
      }
    };
    await Promise.all(Array.from({ length: 16 }, inTurn));
    assert.doesNotMatch(child.said(), /unexpected FIN|yamux|Disconnected/);
  });

  test('an unknown id ends a proxy in Go with 1, before its own patience ends', async (t) => {
    const place = await startServer(t, 'sallyport');
    const child = await startProxyOf(t, 'go', place.url, 'nobody');
    assert.equal(await within(4_500, child.exited, 'its end'), 1);
  });

  test('the second of an id tries again each second, and takes over when the first is gone', async (t) => {
    const [place, echo] = [await startServer(t, 'sallyport'), await startEcho(t)];
    const first = await startReverseOf(t, 'go', place.url, 'box', echo.address);
    await place.registered('box');
    const second = await startReverseOf(
      t,
      'go',
      place.url,
      'box',
      (await startGreeter(t, 'second')).address,
    );
    await until('it has tried again', () => second.said().split('Attempting').length > 1);
    first.kill('SIGKILL');
    await until('it is registered', () => second.said().includes('Established'), 4_000);
    const child = await startProxyOf(t, 'go', place.url, 'box');
    assert.equal(String(((await once(child.stdout, 'data')) as [Buffer])[0]), 'second');
  });

  test('a reverse in Go that comes back in time is waited for', async (t) => {
    const [place, echo] = [await startServer(t, 'sallyport'), await startEcho(t)];
    const first = await startReverseOf(t, 'go', place.url, 'box', echo.address);
    await place.registered('box');
    first.kill('SIGKILL');
    await until('it is gone', async () => !('box' in (await callbacks(place)).sessions));
    const child = await startProxyOf(t, 'go', place.url, 'box');
    await startReverseOf(t, 'go', place.url, 'box', echo.address);
    child.stdin.write('waited');
    await digestOfFirst(child.stdout, 6);
  });

  test('a target that closes ends the proxy in Go; a proxy that leaves closes the target', async (t) => {
    const place = await startServer(t, 'sallyport');
    const echo = await startEcho(t);
    await startReverseOf(t, 'sallyport', place.url, 'box', echo.address);
    await place.registered('box');
    const child = await startProxyOf(t, 'go', place.url, 'box');
    await until('it is connected', () => echo.open.size === 1);
    for (const socket of echo.open) socket.end();
    await within(5_000, child.exited, 'its end');
    const other = await startProxyOf(t, 'go', place.url, 'box');
    await until('it is connected', () => echo.accepted() === 2);
    other.kill('SIGKILL');
    await until('the target is left', () => echo.open.size === 0);
  });

  test('our reverse stays with a server in Go, and comes back to it', async (t) => {
    const [place, echo] = [await startServer(t, 'go'), await startEcho(t)];
    const reverse = startReverse(t, place, 'box', echo.address);
    await place.registered('box');
    const again = startReverse(t, place, 'box', echo.address);
    await until('it is cut off, again and again', () => again.losses.length >= 3);
    assert.deepEqual(reverse.losses, []);
  });
});
