/** T23b: what a hostile or broken server answers to a dialler, before there is a link. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { dial } from '../../src/attach/dial.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { upgradeResponse } from '../../src/transport/websocket/handshake.ts';
import { heldBytes } from '../support/memory.ts';
import { within } from '../support/wait.ts';

const MB = 1024 * 1024;
const TOKEN = 'canary-token-9f31';

type Answer = (socket: net.Socket, request: string) => void;

async function startServer(t: TestContext, answer: Answer): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    let request = '';
    socket.on('data', (piece: Buffer) => {
      request += piece.toString('latin1');
      if (request.endsWith('\r\n\r\n')) answer(socket, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

function dialTo(port: number, token = TOKEN, signal = new AbortController().signal) {
  const url = new URL(`ws://127.0.0.1:${port}/base/`);
  return dial({ url, token, program: 'test', signal });
}

/** Writes for as long as the other end takes it. */
function forEver(socket: net.Socket, piece: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}

const keyIn = (request: string): string => /sec-websocket-key: (\S+)/i.exec(request)![1];
const agreed = (request: string): string => upgradeResponse(keyIn(request), 'sallyport.v1');
const reply =
  (text: string): Answer =>
  (socket) =>
    void socket.end(text);

const cases: [string, ErrorCode, Answer][] = [
  ['nothing but a close', 'SERVER_UNREACHABLE', (socket) => void socket.end()],
  ['a reset', 'SERVER_UNREACHABLE', (socket) => void socket.resetAndDestroy()],
  ['another protocol', 'SERVER_NOT_SALLYPORT', reply('SSH-2.0-OpenSSH_9.2\r\n\r\n')],
  ['half a head', 'SERVER_UNREACHABLE', reply('HTTP/1.1 101 Switching')],
  ['a head without end', 'SERVER_NOT_SALLYPORT', (s) => forEver(s, Buffer.alloc(65_536, 'x'))],
  [
    'fields without end',
    'SERVER_NOT_SALLYPORT',
    (s) => forEver(s, Buffer.from('HTTP/1.1 200 OK\r\n'.repeat(4_000))),
  ],
  [
    'a body without end and length',
    'SERVER_NOT_SALLYPORT',
    (s) => {
      s.write('HTTP/1.1 404 Not Found\r\n\r\n');
      forEver(s, Buffer.alloc(65_536, 'x'));
    },
  ],
  [
    'a body longer than it says it is allowed',
    'SERVER_UNREACHABLE',
    (s) => {
      s.write('HTTP/1.1 503 Busy\r\nContent-Length: 99999999999\r\n\r\n');
      forEver(s, Buffer.alloc(65_536, 'x'));
    },
  ],
  [
    'a length that is no number',
    'SERVER_NOT_SALLYPORT',
    reply('HTTP/1.1 404 x\r\nContent-Length: x\r\n\r\n'),
  ],
  [
    'an ordinary web page',
    'SERVER_NOT_SALLYPORT',
    reply('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  ],
  [
    'a redirect, which is not followed',
    'SERVER_NOT_SALLYPORT',
    reply('HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'),
  ],
  ['a refusal of the token', 'AUTH_FAILED', reply('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n')],
  [
    'a named refusal',
    'NAME_TAKEN',
    reply(
      'HTTP/1.1 409 x\r\nContent-Length: 47\r\n\r\n{"error":{"code":"NAME_TAKEN","message":"gone"}}',
    ),
  ],
  [
    'an error with an unknown name',
    'SERVER_UNREACHABLE',
    reply('HTTP/1.1 500 x\r\n\r\n{"error":{"code":"__proto__","message":"x"}}'),
  ],
  ['JSON that is nothing', 'SERVER_UNREACHABLE', reply('HTTP/1.1 500 x\r\n\r\nnull')],
  [
    'an accept value of another key',
    'SERVER_NOT_SALLYPORT',
    reply(upgradeResponse('AAAAAAAAAAAAAAAAAAAAAA==', 'sallyport.v1')),
  ],
  [
    'another subprotocol',
    'SERVER_NOT_SALLYPORT',
    (s, request) => void s.write(upgradeResponse(keyIn(request), 'chat')),
  ],
  [
    'bytes before our hello',
    'SERVER_NOT_SALLYPORT',
    (s, request) => void s.write(`${agreed(request)}\x82\x00`),
  ],
];

describe('refused, by name, with the token in no message', () => {
  for (const [name, code, answer] of cases) {
    test(name, async (t) => {
      const port = await startServer(t, answer);
      const before = heldBytes();
      await assert.rejects(within(5_000, dialTo(port)), (error: Error & { code: string }) => {
        assert.equal(error.code, code, error.message);
        assert.ok(!error.message.includes(TOKEN));
        return true;
      });
      assert.ok(heldBytes() - before < 8 * MB);
    });
  }
});

test('a server that never answers is given up when the caller says so', async (t) => {
  const port = await startServer(t, () => {});
  const stop = new AbortController();
  const dialled = dialTo(port, TOKEN, stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(within(5_000, dialled), /enough/);
});

test('header injection: a token with a line end is refused before anything is dialled', async () => {
  await assert.rejects(dialTo(1, 'x\r\nX-Evil: 1'), { code: 'USAGE' });
});

test('a right answer gives a link', async (t) => {
  const port = await startServer(t, (socket, request) => {
    assert.match(request, /^GET \/base\/api\/v1\/attach HTTP\/1\.1\r\n/);
    assert.match(request, new RegExp(`\r\nAuthorization: Bearer ${TOKEN}\r\n`));
    socket.write(agreed(request));
  });
  const link = await within(5_000, dialTo(port));
  link.close(null);
});
