/** Our reverst server and client, by their command lines, together with peers that are not ours. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { before, describe, test, type TestContext } from 'node:test';
import { ask, exchange, open } from '../support/http-client.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { digestOf, noiseBytes, noiseDigest, noiseStream } from '../support/noise.ts';
import { until, within } from '../support/wait.ts';
import { buildGoProgram, withoutGo } from './go-programs.ts';
import {
  startHttp,
  startPeerClient,
  startPeerServer,
  startReverstServer,
  type Client,
  type ClientOptions,
  type Era,
  type Gate,
  type Group,
} from './reverst-programs.ts';

const MB = 1024 * 1024;
const patience = { timeout: 240_000 };
const host = 'app.test';
const group = 'app';
const everybody: Group = { name: group, hosts: [host, 'other.test'] };
const basic = ['ann', 'hunter2'] as const;
const bearer = 'token-of-the-interop-tests';
const guarded: readonly Group[] = [
  everybody,
  { name: 'by-password', hosts: ['password.test'], basic },
  { name: 'by-token', hosts: ['token.test'], bearer },
];

let program = '';
before(async () => {
  if (!withoutGo) program = await buildGoProgram('./reverst');
});

type Target = ClientOptions & { readonly target: string };

interface Pair {
  server(t: TestContext, groups: readonly Group[], flags?: readonly string[]): Promise<Gate>;
  /** Resolves when it is registered; when it is `refused`, at once. */
  client(t: TestContext, gate: Gate, options: Target, refused?: true): Promise<Client>;
  /** What the server makes of every answer's status. */
  readonly onlyStatus?: 200;
  /** What is small does not go on before there is more of it. */
  readonly holdsEvents?: true;
  /** Requests whose client is killed are answered 502, and no other client is asked. */
  readonly loses?: true;
}

const peerServer = (era: Era): Pick<Pair, 'server' | 'holdsEvents' | 'loses' | 'onlyStatus'> => ({
  server: (t, groups, flags) => startPeerServer(t, program, era, groups, flags),
  holdsEvents: true,
  loses: true,
  ...(era === 'readme' && { onlyStatus: 200 }),
});

const peerClient = (era: Era): Pick<Pair, 'client'> => ({
  client: (t, gate, options, refused) =>
    startPeerClient(t, program, gate, options, { era, registers: !refused }),
});

const ourClient: Pick<Pair, 'client'> = {
  client: (t, gate, options, refused) => startHttp(t, gate, options, { registers: !refused }),
};

const ourServer = (era: Era): Pick<Pair, 'server'> => ({
  server: (t, groups, flags) => startReverstServer(t, era, groups, flags),
});

const pairs: Readonly<Record<string, Pair>> = {
  'our server, the peer as its client': { ...ourServer('head'), ...peerClient('head') },
  'our server, the peer as its client as in the README': {
    ...ourServer('readme'),
    ...peerClient('readme'),
  },
  'our server and client': { ...ourServer('head'), ...ourClient },
  'both in Go': { ...peerServer('head'), ...peerClient('head') },
  'the peer as server, our client': { ...peerServer('head'), ...ourClient },
  'the peer as server as in the README, our client': { ...peerServer('readme'), ...ourClient },
};

for (const [name, pair] of Object.entries(pairs)) {
  const through = async (
    t: TestContext,
  ): Promise<{ gate: Gate; client: Client; origin: Origin }> => {
    const origin = await startOrigin(t, { handlers: { early, after, events: events(pair) } });
    const gate = await pair.server(t, [everybody]);
    const client = await pair.client(t, gate, { group, target: `http://${origin.address}` });
    return { gate, client, origin };
  };

  describe(name, { skip: withoutGo }, () => {
    test('each way to authenticate, and a host that nobody has', patience, async (t) => {
      const origin = await startOrigin(t);
      const target = `http://${origin.address}`;
      const gate = await pair.server(t, guarded);
      await pair.client(t, gate, { group, target });
      await pair.client(t, gate, { group: 'by-password', basic, target });
      await pair.client(t, gate, { group: 'by-token', bearer, target });
      for (const each of [host, 'other.test', 'password.test', 'token.test']) {
        const { status, text } = await ask({ port: gate.port, host: each, path: '/whoami' });
        assert.deepEqual([status, text], [200, 'origin'], each);
      }
      const nobody = await ask({ port: gate.port, host: 'nobody.test' });
      assert.equal(nobody.status, 502);
    });

    test('wrong credentials, none, and a group that is not there', patience, async (t) => {
      const target = 'http://127.0.0.1:1';
      const gate = await pair.server(t, guarded);
      const wrong: readonly ClientOptions[] = [
        { group: 'by-password', basic: ['ann', 'hunter3'] },
        { group: 'by-password' },
        { group: 'by-token', bearer: `${bearer}x` },
        { group: 'by-token', basic },
      ];
      await Promise.all(
        wrong.map(async (options) => {
          const client = await pair.client(t, gate, { ...options, target }, true);
          assert.notEqual(await client.ended(), 0);
          assert.match(client.said(), /ended 2 unauthorized|AUTH_FAILED/);
        }),
      );
      const lost = await pair.client(t, gate, { group: 'not-there', target }, true);
      const told = /not found|SERVICE_UNKNOWN/;
      await until('it is told', () => told.test(lost.said()), 30_000);
      assert.equal(lost.registered(), 0);
      const left = await ask({ port: gate.port, host: 'token.test' });
      assert.equal(left.status, 502);
    });

    test('three clients take turns; one is killed under load', patience, async (t) => {
      const names = ['a', 'b', 'c'];
      const short = ['--max-idle-timeout', '2s', '--keep-alive-period', '500ms'];
      const gate = await pair.server(t, [everybody], short);
      const clients: Client[] = [];
      for (const each of names) {
        const origin = await startOrigin(t, { name: each });
        const target = `http://${origin.address}`;
        clients.push(await pair.client(t, gate, { group, target, flags: short }));
      }
      const who = async (): Promise<string> => {
        const { status, text } = await ask({ port: gate.port, host, path: '/whoami' });
        return status === 200 ? text : String(status);
      };
      const turns: string[] = [];
      for (let i = 0; i < 12; i++) turns.push(await who());
      assert.deepEqual(turns.slice(0, 3).toSorted(), names);
      for (let i = 3; i < 12; i++) assert.equal(turns[i], turns[i - 3], turns.join());

      const answers: string[] = [];
      const over = new AbortController();
      const work = async (): Promise<void> => {
        while (!over.signal.aborted) answers.push(await who());
      };
      const load = Promise.all(Array.from({ length: 4 }, work));
      await until('all three are busy', () => answers.length > 30);
      clients[1].kill('SIGKILL');
      const lastOf = () => answers.slice(-60);
      await until(
        'it is left out',
        () => answers.length > 100 && !lastOf().includes('b') && !lastOf().includes('502'),
        60_000,
      );
      over.abort();
      await load;
      if (!pair.loses) assert.deepEqual([...new Set(answers)].toSorted(), names);
      assert.deepEqual(new Set(lastOf()), new Set(['a', 'c']));
    });

    test('100 MB each way', patience, async (t) => {
      const { gate } = await through(t);
      const { port } = gate;
      const timeout = 120_000;
      const down = await open({ port, host, path: `/noise/${100 * MB}`, timeout });
      const { bytes, digest } = await digestOf(down);
      assert.deepEqual([bytes, digest], [100 * MB, noiseDigest(100 * MB)]);
      const body = noiseStream(100 * MB);
      const up = await ask({ port, host, path: '/digest', method: 'POST', body, timeout });
      assert.equal(up.text, digest);
    });

    test('statuses, HEAD, lengths, trailers, and an early hint', patience, async (t) => {
      const { gate } = await through(t);
      const { port } = gate;
      for (const status of [201, 304, 404, 451, 503]) {
        const reply = await ask({ port, host, path: `/status/${status}` });
        assert.equal(reply.status, pair.onlyStatus ?? status);
      }
      const head = await ask({ port, host, path: '/noise/99', method: 'HEAD' });
      assert.deepEqual([head.headers['content-length'], head.text], ['99', '']);
      const chunks = await ask({ port, host, path: `/chunks/${MB}` });
      assert.ok(chunks.body.equals(noiseBytes(MB)));
      const body = noiseBytes(MB);
      const trailed = await ask({ port, host, path: '/trailers', method: 'POST', body });
      assert.equal(trailed.trailers['x-digest'], noiseDigest(MB));
      const lines = `GET /early HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const hinted = await exchange(port, lines);
      if (pair.onlyStatus === undefined)
        assert.match(hinted, /^HTTP\/1.1 103 [^]*\r\nHTTP\/1.1 200 /);
      assert.match(hinted, /after the hint/);
    });

    test('the first event comes at once', patience, async (t) => {
      const { gate } = await through(t);
      const stream = await open({ port: gate.port, host, path: '/events' });
      const [first] = (await within(10_000, once(stream, 'data'))) as [Buffer];
      assert.match(String(first), /^data: first/);
      stream.destroy();
    });

    test('1,000 requests at once, of which some are given up', patience, async (t) => {
      const { gate, client } = await through(t);
      const { port } = gate;
      const timeout = 120_000;
      const answered = Array.from({ length: 1_000 }, async (_, i) => {
        const path = `/after/${(i * 37) % 900}/${i}`;
        if (i % 10 > 0) return assert.equal((await ask({ port, host, path, timeout })).text, path);
        await giveUp(port, path, 100 + (i % 400));
      });
      await Promise.all(answered);
      assert.equal(client.registered(), 1);
      assert.equal((await ask({ port, host, path: '/whoami' })).text, 'origin');
    });
  });
}

/** A request whose caller leaves after so long, answered or not. */
async function giveUp(port: number, path: string, ms: number): Promise<void> {
  const signal = AbortSignal.timeout(ms);
  const { promise, resolve } = Promise.withResolvers<void>();
  const request = http.get({
    host: '127.0.0.1',
    port,
    path,
    headers: { host },
    agent: false,
    signal,
  });
  request.on('response', (response) => void response.on('error', () => {}).resume());
  request.on('error', () => {}).on('close', resolve);
  await promise;
}

function early(_: http.IncomingMessage, response: http.ServerResponse): void {
  response.writeEarlyHints({ link: '</style.css>; rel=preload' });
  response.end('after the hint');
}

function after(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume();
  setTimeout(() => response.end(request.url), Number(request.url!.split('/')[2]));
}

/** An event at once, and nothing more until the consumer leaves. */
function events({ holdsEvents }: Pair) {
  return (_: http.IncomingMessage, response: http.ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: first${'!'.repeat(holdsEvents ? 8_192 : 0)}\n\n`);
  };
}
