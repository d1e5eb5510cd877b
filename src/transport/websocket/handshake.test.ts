import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { spentMs } from '../../../test/support/spent.ts';
import {
  acceptOf,
  isKey,
  newKey,
  readResponseHead,
  upgradeFault,
  upgradeRequest,
  upgradeResponse,
} from './handshake.ts';

/** The example of RFC 6455, section 1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const headOf = (text: string) => readResponseHead(text.slice(0, -4))!;

test('the accept value of the RFC', () => assert.equal(acceptOf(KEY), ACCEPT));

test('fresh keys are valid and differ', () => {
  const keys = Array.from({ length: 100 }, newKey);
  assert.ok(keys.every(isKey));
  assert.equal(new Set(keys).size, 100);
});

test('only 16 bytes in base64 are a key', () => {
  for (const key of ['', 'abc', `${KEY}=`, KEY.slice(1), `${KEY}\n`, KEY.replace('d', '-')]) {
    assert.equal(isKey(key), false, JSON.stringify(key));
  }
});

describe('the request', () => {
  test('reads as the RFC writes it', () => {
    assert.equal(
      upgradeRequest('/chat', 'server.example.com', KEY, 'chat', { Authorization: 'Bearer x' }),
      'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nConnection: Upgrade\r\n' +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Protocol: chat\r\nAuthorization: Bearer x\r\n\r\n`,
    );
  });

  test('header injection: a line end or a control in any part is refused, and not shown', () => {
    for (const bad of ['x\r\ny: z', 'x\n', '\rx', 'x\0', 'x\u001b[2J', 'x\u0100']) {
      const attempts = [
        () => upgradeRequest(`/${bad}`, 'h', KEY, 'p', {}),
        () => upgradeRequest('/', bad, KEY, 'p', {}),
        () => upgradeRequest('/', 'h', KEY, 'p', { Authorization: `Bearer ${bad}` }),
        () => upgradeRequest('/', 'h', KEY, 'p', { [bad]: 'v' }),
      ];
      for (const attempt of attempts) {
        assert.throws(attempt, (error: Error & { code: string }) => {
          return error.code === 'USAGE' && !error.message.includes(bad);
        });
      }
    }
  });
});

describe('the response', () => {
  const agreed = upgradeResponse(KEY, 'chat');

  test('our own is accepted', () => {
    const head = headOf(agreed);
    assert.equal(head.status, 101);
    assert.equal(head.reason, 'Switching Protocols');
    assert.equal(upgradeFault(head, KEY, 'chat'), null);
  });

  const faults: [string, string, RegExp][] = [
    ['another accept value', agreed.replace(ACCEPT, acceptOf(newKey())), /Accept/],
    ['no accept value', agreed.replace(/Sec-WebSocket-Accept.*\r\n/, ''), /Accept/],
    [
      'two accept values',
      agreed.replace('Sec-WebSocket-Acc', `Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Acc`),
      /Accept/,
    ],
    ['another upgrade', agreed.replace('websocket', 'h2c'), /upgrade/],
    [
      'no Connection: upgrade',
      agreed.replace('Connection: Upgrade', 'Connection: close'),
      /Connection/,
    ],
    ['another subprotocol', agreed.replace('chat', 'superchat'), /speak chat/],
    ['no subprotocol', agreed.replace(/Sec-WebSocket-Protocol.*\r\n/, ''), /speak chat/],
    [
      'an extension nobody offered',
      agreed.replace('Upgrade: w', 'Sec-WebSocket-Extensions: permessage-deflate\r\nUpgrade: w'),
      /extension/,
    ],
  ];
  for (const [name, text, why] of faults) {
    test(`refused: ${name}`, () => assert.match(upgradeFault(headOf(text), KEY, 'chat')!, why));
  }

  test('of several that were offered the server picks one, and no other', () => {
    assert.equal(upgradeFault(headOf(agreed), KEY, 'superchat, chat'), null);
    assert.match(upgradeFault(headOf(agreed), KEY, 'superchat, cha')!, /speak superchat, cha/);
    const none = headOf(agreed.replace(/Sec-WebSocket-Protocol.*\r\n/, ''));
    assert.equal(upgradeFault(none, KEY, 'superchat, chat', true), null);
    assert.match(upgradeFault(none, KEY, 'superchat, chat')!, /speak/);
  });

  test('Connection may list more, in any case', () => {
    const text = agreed.replace('Connection: Upgrade', 'connection: keep-alive ,UPGRADE');
    assert.equal(upgradeFault(headOf(text), KEY, 'chat'), null);
  });
});

describe('a response head', () => {
  test('repeated fields are joined, names are lower-cased, a reason may be missing', () => {
    const head = readResponseHead('HTTP/1.1 503\r\nX-A: 1 \r\nx-a:\t2')!;
    assert.equal(head.status, 503);
    assert.equal(head.reason, '');
    assert.deepEqual([...head.fields], [['x-a', '1, 2']]);
  });

  const wrong = [
    '',
    'HTTP/2 200 OK',
    'HTTP/1.1 099 x',
    'HTTP/1.1 2000 x',
    'http/1.1 200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 OK\r\nno colon',
    'HTTP/1.1 200 OK\r\nx : y',
    'HTTP/1.1 200 OK\r\n: y',
    'HTTP/1.1 200 OK\r\na: b\r\n c',
    'HTTP/1.1 200 OK\na: b',
    'HTTP/1.1 200 \u001b[2J',
    'HTTP/1.1 200 OK\r\na: b\rc',
    'HTTP/1.1 200 OK\r\na: b\0c',
  ];
  for (const text of wrong) {
    test(`not HTTP/1.1: ${JSON.stringify(text)}`, () => assert.equal(readResponseHead(text), null));
  }

  test('ReDoS: a head full of blanks that fails at its end is refused in linear time', () => {
    const head = `HTTP/1.1 200 OK\r\na:${' '.repeat(32_000)}\rx`;
    const spent = spentMs(() => assert.equal(readResponseHead(head), null));
    assert.ok(spent < 250, `${spent} ms`);
  });

  test('any bytes give a head or null, never a throw', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((s) => `HTTP/1.1 200 ${s}\r\n${s}: ${s}`),
    );
    fc.assert(fc.property(text, (s) => void readResponseHead(s)));
  });
});
