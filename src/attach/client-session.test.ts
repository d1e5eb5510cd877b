import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import {
  startScriptedServer,
  welcome,
  type ScriptedServer,
} from '../../test/support/scripted-server.ts';
import { until, within } from '../../test/support/wait.ts';
import { SallyportError } from '../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../limits.ts';
import type { Session, Stream, StreamReceiver } from '../session/session.ts';
import type { Link } from '../transport/link.ts';
import {
  openClientSession,
  type ClientSession,
  type ClientSessionOptions,
} from './client-session.ts';
import type { ControlMessage } from './messages.ts';

const hello: ClientSessionOptions['hello'] = {
  role: 'agent',
  instance: 'i',
  epoch: 4,
  program: 'test/1',
  features: [],
};
const offer = { name: 'web', kind: 'http' } as const;
const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
const LIMIT_MS = 5_000;

/** A heartbeat that only knows whom it watches. */
function attendance() {
  const watched = new Set<Session>();
  return {
    watched,
    add: (session: Session) => void watched.add(session),
    remove: (session: Session) => void watched.delete(session),
    close() {},
  };
}

interface Opened {
  opening: Promise<ClientSession>;
  heartbeat: ReturnType<typeof attendance>;
  arrived: Stream[];
  withdrawals: string[];
  abort: AbortController;
}

function openOn(link: Link): Opened {
  const heartbeat = attendance();
  const arrived: Stream[] = [];
  const abort = new AbortController();
  const accept = (stream: Stream): StreamReceiver => {
    arrived.push(stream);
    return nobody;
  };
  const withdrawals: string[] = [];
  const opening = openClientSession(link, {
    hello,
    heartbeat,
    accept,
    withdrawn: (service, { code }) => void withdrawals.push(`${service} ${code}`),
    signal: abort.signal,
  });
  opening.catch(() => {});
  return { opening, heartbeat, arrived, withdrawals, abort };
}

type Answer = (message: ControlMessage, server: ScriptedServer) => void;

const polite: Answer = ({ type }, server) => void (type === 'hello' && server.say(welcome));

async function attach(t: TestContext, answer: Answer = polite) {
  const scripted = await startScriptedServer(t, answer);
  const opened = openOn(scripted.link);
  return { ...scripted, ...opened, client: await within(LIMIT_MS, opened.opening) };
}

const ended = (client: ClientSession): Promise<SallyportError | null> =>
  within(LIMIT_MS, client.closed, 'the end of the session');

test('hello is said first, and the welcome is handed out', async (t) => {
  const { client, server, heartbeat } = await attach(t);
  assert.deepEqual(server.heard, [{ type: 'hello', version: 1, ...hello }]);
  assert.deepEqual(client.welcome, welcome);
  assert.deepEqual([...heartbeat.watched], [client.session]);
});

test('each registration gets its own answer, in whatever order they come', async (t) => {
  const { client, server } = await attach(t);
  const first = client.register(offer);
  const second = client.register({ name: 'box', kind: 'tcp', port: 0 });
  const third = client.register({ name: 'no', kind: 'tcp' });
  await server.hears(3);
  const refs = server.heard.slice(1).map((message) => (message as { ref: number }).ref);
  assert.equal(new Set(refs).size, 3);
  assert.deepEqual(server.heard[1], { type: 'register', ref: refs[0], service: offer });
  server.say({ type: 'registered', ref: 99, urls: ['for nobody'] });
  server.say({ type: 'error', ref: refs[2], code: 'DENIED', message: 'no: no' });
  server.say({ type: 'registered', ref: refs[1], urls: [], port: 20_000 });
  server.say({ type: 'registered', ref: refs[0], urls: ['http://web.localhost/'] });
  assert.deepEqual((await first).urls, ['http://web.localhost/']);
  assert.equal((await second).port, 20_000);
  await assert.rejects(third, { code: 'DENIED', message: 'no: no' });
  assert.deepEqual(server.endings, [], 'a refused registration costs nothing else');
  client.unregister('web');
  assert.deepEqual(await server.hears(4), { type: 'unregister', name: 'web' });
});

test('a registration that stood is taken back: the owner is told once, and the session goes on', async (t) => {
  const { client, server, withdrawals } = await attach(t);
  const registering = client.register(offer);
  await server.hears(1);
  server.say({ type: 'registered', ref: 1, urls: [] });
  await registering;
  const kicked = { type: 'error', ref: 1, code: 'KICKED', message: 'service web: by the test' };
  server.say(kicked);
  await until('the owner is told', () => withdrawals.length > 0);
  assert.deepEqual(withdrawals, ['web KICKED']);
  server.say(kicked);
  const again = client.register(offer);
  await server.hears(2);
  server.say({ type: 'registered', ref: 2, urls: [] });
  await again;
  client.unregister('web');
  await server.hears(3);
  server.say({ ...kicked, ref: 2 });
  client.register({ name: 'last', kind: 'tcp' }).catch(() => {});
  await server.hears(4);
  assert.deepEqual(withdrawals, ['web KICKED'], 'not for what is not offered any more');
  assert.deepEqual(server.endings, []);
});

test('drain: the client is told to dial again, and the session goes on', async (t) => {
  const { client, server } = await attach(t);
  server.say({ type: 'drain' });
  await within(LIMIT_MS, client.draining, 'the drain');
  const registering = client.register(offer);
  await server.hears(1);
  server.say({ type: 'registered', ref: 1, urls: [] });
  assert.deepEqual((await registering).urls, []);
});

test('streams of the server are handed to the owner', async (t) => {
  const { server, arrived } = await attach(t);
  server.session.open(nobody).send(Buffer.from('x'));
  await until('the stream arrives', () => arrived.length === 1);
});

test('close ends the session in order at both ends', async (t) => {
  const { client, server, heartbeat } = await attach(t);
  client.close();
  assert.equal(await ended(client), null);
  await until('the server sees it', () => server.endings.length === 1);
  assert.deepEqual(server.endings, [null]);
  assert.equal(heartbeat.watched.size, 0);
});

describe('the session ends while registrations are under way: they are rejected with its error', () => {
  const ends: [string, (server: ScriptedServer, cut: () => void) => void, string, boolean][] = [
    [
      'an error without ref',
      (server) => server.say({ type: 'error', code: 'REPLACED', message: 'by another' }),
      'REPLACED',
      false,
    ],
    [
      'the server closes with an error',
      (server) => server.session.close(new SallyportError('SERVER_BUSY', 'too many')),
      'SERVER_BUSY',
      false,
    ],
    ['the server closes in order', (server) => server.session.close(null), 'SESSION_CLOSED', true],
    ['the link breaks', (_server, cut) => cut(), 'LINK_LOST', false],
    ['the control stream ends', (server) => server.control().end(), 'SESSION_CLOSED', true],
    [
      'the control stream is reset',
      (server) => server.control().reset(),
      'PROTOCOL_MESSAGE',
      false,
    ],
    [
      'a message that only clients send',
      (server) => server.say({ type: 'unregister', name: 'web' }),
      'PROTOCOL_MESSAGE',
      false,
    ],
    ['an unknown message', (server) => server.say({ type: 'dance' }), 'PROTOCOL_MESSAGE', false],
  ];
  for (const [name, end, code, inOrder] of ends) {
    test(name, async (t) => {
      const { client, server, cut, heartbeat } = await attach(t);
      const registering = client.register(offer);
      registering.catch(() => {});
      await server.hears(1);
      end(server, cut);
      await assert.rejects(within(LIMIT_MS, registering), { code });
      assert.equal((await ended(client))?.code, inOrder ? undefined : code);
      assert.equal(heartbeat.watched.size, 0);
      await assert.rejects(within(LIMIT_MS, client.register(offer)), { code }, 'and any later one');
    });
  }
});

test('a server that welcomes and closes in one breath leaves nobody waiting', async (t) => {
  const { client, heartbeat } = await attach(t, (_message, server) => {
    server.say(welcome);
    server.session.close(new SallyportError('SERVER_DRAINING', 'going'));
  });
  await assert.rejects(within(LIMIT_MS, client.register(offer)), { code: 'SERVER_DRAINING' });
  assert.equal((await ended(client))?.code, 'SERVER_DRAINING');
  assert.equal(heartbeat.watched.size, 0);
});

describe('hello is refused', () => {
  const answers: [string, Answer, string][] = [
    [
      'by an error',
      (_message, server) => server.say({ type: 'error', code: 'DENIED', message: 'no agents' }),
      'DENIED',
    ],
    [
      'by the close of the link',
      (_message, server) => server.session.close(new SallyportError('VERSION_UNSUPPORTED', 'v9')),
      'VERSION_UNSUPPORTED',
    ],
    ['by an orderly close', (_message, server) => server.session.close(null), 'SESSION_CLOSED'],
    [
      'by nonsense',
      (_message, server) => server.say({ ...welcome, version: 'one' }),
      'PROTOCOL_MESSAGE',
    ],
    ['by silence and a dead link', () => {}, 'LINK_LOST'],
  ];
  for (const [name, answer, code] of answers) {
    test(name, async (t) => {
      const { link, server, cut } = await startScriptedServer(t, answer);
      const { opening, heartbeat } = openOn(link);
      await server.hears(0);
      if (code === 'LINK_LOST') cut();
      await assert.rejects(within(LIMIT_MS, opening), { code });
      assert.equal(heartbeat.watched.size, 0);
    });
  }
});

test('a server that never answers hello is left after the time for handshakes', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { link, server } = await startScriptedServer(t);
  const { opening } = openOn(link);
  await server.hears(0);
  t.mock.timers.tick(HANDSHAKE_TIMEOUT_MS - 1);
  assert.equal(server.endings.length, 0);
  t.mock.timers.tick(1);
  await assert.rejects(within(LIMIT_MS, opening), { code: 'HANDSHAKE_TIMEOUT', message: /hello/ });
  await until('the link is closed', () => server.endings.length === 1);
  assert.equal(server.endings[0]?.code, 'HANDSHAKE_TIMEOUT', 'and the server is told why');
});

test('the time for handshakes is over with the handshake', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { client, server, abort } = await attach(t);
  t.mock.timers.tick(2 * HANDSHAKE_TIMEOUT_MS);
  abort.abort(new Error('too late to matter'));
  const registering = client.register(offer);
  await server.hears(1);
  server.say({ type: 'registered', ref: 1, urls: [] });
  await within(LIMIT_MS, registering);
});

test('an abort ends the wait for the welcome with its own reason', async (t) => {
  const { link, server } = await startScriptedServer(t);
  const { opening, abort } = openOn(link);
  await server.hears(0);
  const reason = new Error('enough');
  abort.abort(reason);
  await assert.rejects(within(LIMIT_MS, opening), (thrown) => thrown === reason);
  await until('the link is closed', () => server.endings.length === 1);
});

test('one aborted before it began closes the link', async (t) => {
  const { link, server } = await startScriptedServer(t);
  const signal = AbortSignal.abort(new Error('enough'));
  const options = { hello, heartbeat: attendance(), accept: () => nobody, signal };
  await assert.rejects(within(LIMIT_MS, openClientSession(link, options)), /enough/);
  await until('the link is closed', () => server.endings.length === 1);
});
