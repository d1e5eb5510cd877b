/** Proxies on the way out that refuse, die, drip or say yes and hang up. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { startClient } from '../support/tunnel.ts';

const login = { user: 'ann', password: 'hunter2-the-password' };
const basic = Buffer.from(`${login.user}:${login.password}`).toString('base64');

/** What a proxy does when it has heard a whole CONNECT. */
type Mood = (socket: net.Socket) => void;

async function startMoody(t: TestContext, mood: Mood): Promise<{ port: number; logins: number }> {
  const proxy = { port: 0, logins: 0 };
  const sockets = new Set<net.Socket>();
  const listener = net.createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    let heard = '';
    socket.on('data', (bytes: Buffer) => {
      const before = heard.includes('\r\n\r\n');
      heard += bytes.toString('latin1');
      if (before || !heard.includes('\r\n\r\n')) return;
      if (heard.includes(`Proxy-Authorization: Basic ${basic}\r\n`)) proxy.logins++;
      mood(socket);
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  proxy.port = (listener.address() as net.AddressInfo).port;
  return proxy;
}

const denied =
  'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n';
const moods: Record<string, { mood: Mood; code: RegExp; exit: number }> = {
  '407': { mood: (socket) => socket.end(denied), code: /PROXY_AUTH/, exit: 3 },
  'it is killed': { mood: (socket) => socket.resetAndDestroy(), code: /PROXY_INVALID/, exit: 5 },
  'it drips its answer': {
    mood(socket) {
      const answer = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_000)}`;
      let sent = 0;
      const timer = setInterval(() => void socket.write(answer[sent++]), 100);
      socket.on('close', () => clearInterval(timer));
    },
    code: /PROXY_INVALID|HANDSHAKE_TIMEOUT/,
    exit: 5,
  },
  'it says 200 and closes': {
    mood: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'),
    code: /SERVER_UNREACHABLE/,
    exit: 5,
  },
};

// The longest of them waits for a deadline; all of them together wait for it once.
describe('T16: a proxy on the way out', { concurrency: true }, () => {
  for (const transport of ['websocket', 'longpoll']) {
    for (const [name, { mood, code, exit }] of Object.entries(moods)) {
      test(`${name}, ${transport}: a named error, and no credential in any word`, async (t) => {
        const proxy = await startMoody(t, mood);
        const url = `http://${login.user}:${login.password}@127.0.0.1:${proxy.port}`;
        const way = ['--server', 'ws://tunnel.invalid', '--transport', transport];
        const program = startClient(t, { port: 0 }, ['connect', 'box', ...way], {
          env: { http_proxy: url },
        });
        program.stdin.end();
        const ended = await program.ended();
        assert.match(program.err(), code);
        assert.equal(ended.code, exit, program.err());
        assert.equal(proxy.logins, 1, 'the login went to the proxy, once');
        assert.doesNotMatch(program.out() + program.err(), new RegExp(`hunter2|${basic}`));
      });
    }
  }
});
