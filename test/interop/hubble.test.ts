/** Our Hubble proxy and agent, by their command lines, together with a peer that is not ours. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { before, describe, test, type TestContext } from 'node:test';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { buildGoProgram, withoutGo } from './go-programs.ts';
import { runPeer } from '../support/peer.ts';
import { startProgram } from '../support/program.ts';
import { connectClient, serveSockets } from '../support/service-door.ts';
import { startSshd } from '../support/sshd.ts';
import { until, within } from '../support/wait.ts';

const MB = 1024 * 1024;
const LARGE_BYTES = 200 * MB;
/** Longer than the longest timer of either side: ours gives up after 75 s of silence. */
const IDLE_MS = 100_000;
const LONG = process.env.SALLYPORT_TEST_LONG === '1';
const patience = { timeout: 120_000 };

type Kind = 'ours' | 'A' | 'B' | 'C';

let program = '';
before(async () => {
  if (!withoutGo) program = await buildGoProgram('./hubble');
});

interface Running {
  /** Ports that were told, in order. */
  readonly ports: number[];
  readonly said: () => string;
  end(): void;
}

function startPeer(t: TestContext, args: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ports: number[] = [];
  let said = '';
  createInterface(child.stdout).on('line', (line) => {
    said += `${line}\n`;
    const port = /^listening (\d+)$/.exec(line)?.[1];
    if (port !== undefined) ports.push(Number(port));
  });
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
  t.after(() => child.kill('SIGKILL'));
  return { ports, said: () => said, end: () => void child.kill('SIGKILL') };
}

async function startProxy(t: TestContext, kind: Kind, flags: string[] = []): Promise<number> {
  if (kind !== 'ours') {
    const peer = startPeer(t, ['proxy', '-listen', '127.0.0.1:0', '-generation', kind]);
    await until('the peer listens', () => peer.ports.length === 1);
    return peer.ports[0];
  }
  const words = ['hubble', 'proxy', '-listen', '127.0.0.1:0', ...flags];
  return startProgram(t, words).logLine((line) => {
    const port = /Start listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    return port === undefined ? undefined : Number(port);
  });
}

/** Connected, with the ports of its rules. */
async function startAgent(
  t: TestContext,
  kind: Kind,
  port: number,
  name: string,
  rules: readonly string[] = [],
): Promise<Running> {
  const flags = ['-url', `ws://127.0.0.1:${port}`, '-name', name];
  if (kind !== 'ours') {
    const peer = startPeer(t, ['agent', ...flags, '-generation', kind, ...rules]);
    await until(`${name} is connected: ${peer.said()}`, () => peer.said().includes('connected'));
    return peer;
  }
  const agent = startProgram(t, ['hubble', 'agent', ...flags, '-bind', '127.0.0.1', ...rules]);
  await agent.logLine((line) => line.includes('"connected"') || undefined);
  const ports = [...agent.err().matchAll(/Listening on dynamic port (\d+)/g)].map(([, number]) =>
    Number(number),
  );
  return { ports, said: () => agent.err(), end: () => agent.kill('SIGKILL') };
}

async function download(port: number): Promise<{ bytes: number; digest: string }> {
  return digestOf(net.connect({ port, host: '127.0.0.1' }));
}

const blob = noiseBytes(MB);
const pairings: [proxy: Kind, agent1: Kind, agent2: Kind][] = [
  ['ours', 'ours', 'ours'],
  ['ours', 'C', 'C'],
  ['ours', 'B', 'B'],
  ['ours', 'A', 'B'],
  ['ours', 'ours', 'C'],
  ['ours', 'ours', 'B'],
  ['ours', 'C', 'ours'],
  ['ours', 'B', 'ours'],
  ['C', 'ours', 'ours'],
  ['C', 'ours', 'C'],
  ['C', 'C', 'ours'],
  ['B', 'ours', 'ours'],
  ['B', 'ours', 'B'],
  ['B', 'B', 'ours'],
];

describe('every mixture of proxy, agents and generations', { skip: withoutGo }, () => {
  for (const [proxy, agent1, agent2] of pairings) {
    test(
      `proxy ${proxy}, agents ${agent1} and ${agent2}: ten megabytes at once, both ways`,
      patience,
      async (t) => {
        const target = await serveSockets(t, (socket) => socket.resume().end(blob));
        const echo = await serveSockets(t, (socket) => void socket.pipe(socket));
        const port = await startProxy(t, proxy);
        await startAgent(t, agent2, port, 'agent2');
        const rules = [target, echo].map((to) => `0:key@agent2:127.0.0.1:${to}`);
        const { ports } = await startAgent(t, agent1, port, 'agent1', rules);
        const digests = await Promise.all(Array.from({ length: 10 }, () => download(ports[0])));
        assert.deepEqual(new Set(digests.map(({ digest }) => digest)), new Set([noiseDigest(MB)]));

        const clients = Array.from({ length: 10 }, () => connectClient(t, { port: ports[1] }));
        for (const { socket } of clients) socket.write(blob);
        await until(
          'all is echoed',
          () => clients.every((one) => one.received().length === MB),
          60_000,
        );
        for (const client of clients) assert.ok(client.received().equals(blob));
        for (const { socket } of clients) socket.end();
        await within(20_000, Promise.all(clients.map(({ ended }) => ended)), 'the end of each');
      },
    );
  }
});

describe('OpenSSH', { skip: withoutGo }, () => {
  for (const [proxy, agent1, agent2] of [
    ['ours', 'ours', 'C'],
    ['ours', 'C', 'ours'],
    ['ours', 'B', 'B'],
    ['C', 'ours', 'ours'],
  ] as const) {
    test(`ssh through proxy ${proxy}, agents ${agent1} and ${agent2}`, patience, async (t) => {
      const sshd = await startSshd(t);
      const port = await startProxy(t, proxy);
      await startAgent(t, agent2, port, 'agent2');
      const rules = [`0:agent2:127.0.0.1:${sshd.port}`];
      const { ports } = await startAgent(t, agent1, port, 'agent1', rules);
      const to = [...sshd.options, '-p', String(ports[0]), '127.0.0.1'];
      const { code, out, err } = await runPeer([
        'ssh',
        ...to,
        'head -c 3000000 /dev/zero; echo done',
      ]);
      assert.equal(code, 0, err);
      assert.equal(out.length, 3_000_005);
      const sum = await runPeer(['ssh', ...to, 'sha256sum'], { input: blob });
      assert.equal(sum.out.toString().split(' ')[0], noiseDigest(MB));
    });
  }
});

describe('idle for longer than any timer', { skip: withoutGo || !LONG }, () => {
  for (const [proxy, agent1, agent2] of [
    ['ours', 'C', 'C'],
    ['ours', 'ours', 'C'],
    ['C', 'C', 'ours'],
  ] as const) {
    test(
      `idle: proxy ${proxy}, agents ${agent1}, ${agent2}`,
      { timeout: 2 * IDLE_MS },
      async (t) => {
        const echo = await serveSockets(t, (socket) => void socket.pipe(socket));
        const port = await startProxy(t, proxy);
        await startAgent(t, agent2, port, 'agent2');
        const rules = [`0:agent2:127.0.0.1:${echo}`];
        const { ports } = await startAgent(t, agent1, port, 'agent1', rules);
        const client = connectClient(t, { port: ports[0] });
        client.socket.write('before');
        await until('the echo is there', () => client.received().toString() === 'before');
        await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
        client.socket.write(', after');
        await until('the echo is there', () => client.received().toString() === 'before, after');
      },
    );
  }
});

describe('large transfers, endings and refusals', { skip: withoutGo }, () => {
  for (const [agent1, agent2] of [
    ['ours', 'C'],
    ['C', 'ours'],
    ['ours', 'ours'],
  ] as const) {
    test(`200 MB through agents ${agent1} and ${agent2}`, patience, async (t) => {
      const target = await serveSockets(t, (socket) => {
        socket.resume();
        noiseStream(LARGE_BYTES).pipe(socket);
      });
      const port = await startProxy(t, 'ours');
      await startAgent(t, agent2, port, 'agent2');
      const { ports } = await startAgent(t, agent1, port, 'agent1', [
        `0:agent2:127.0.0.1:${target}`,
      ]);
      const got = await download(ports[0]);
      assert.deepEqual(got, { bytes: LARGE_BYTES, digest: noiseDigest(LARGE_BYTES) });
    });
  }

  test('killing agent2 in a transfer closes the socket at agent1', patience, async (t) => {
    const target = await serveSockets(
      t,
      (socket) => void noiseStream(1e12).pipe(socket.on('error', () => {})),
    );
    const port = await startProxy(t, 'ours');
    for (const kind of ['C', 'ours'] as const) {
      const agent2 = await startAgent(t, kind, port, `far-${kind}`);
      const rules = [`0:far-${kind}:127.0.0.1:${target}`];
      const ends: Promise<unknown>[] = [];
      for (const near of ['C', 'ours'] as const) {
        const { ports } = await startAgent(t, near, port, `near-${near}-${kind}`, rules);
        const socket = net.connect({ port: ports[0], host: '127.0.0.1' });
        t.after(() => socket.destroy());
        ends.push(new Promise((resolve) => socket.on('close', resolve).on('error', () => {})));
        await once(socket, 'data');
      }
      agent2.end();
      await within(10_000, Promise.all(ends), 'the end of both sockets');
    }
  });

  test(
    '-authdeny, and a gateway that is not there: the local socket closes at once',
    patience,
    async (t) => {
      for (const flags of [['-authdeny'], []]) {
        const port = await startProxy(t, 'ours', flags);
        for (const kind of ['C', 'ours'] as const) {
          if (flags.length > 0) await startAgent(t, 'C', port, `far-${kind}`);
          const rule = `0:far-${kind}:127.0.0.1:1`;
          const { ports } = await startAgent(t, kind, port, `near-${kind}`, [rule]);
          const client = connectClient(t, { port: ports[0] });
          await within(
            5_000,
            client.ended.catch(() => {}),
            'the end',
          );
        }
      }
    },
  );
});
