import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { HTTP3_INTERIM_MAX } from '../../../limits.ts';
import { parseTarget } from '../../../net/target.ts';
import {
  answering,
  serveTarget,
  type ServedTarget,
} from '../../../../test/support/reverst-exchange.ts';
import { freePort, startTcpTarget } from '../../../../test/support/tcp-targets.ts';
import { until } from '../../../../test/support/wait.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

/** What a target reads of a request, up to the end of its head or of a body in chunks. */
async function requestOf(
  t: TestContext,
  send: (served: ServedTarget) => void,
): Promise<readonly string[]> {
  let seen = '';
  const { address } = await startTcpTarget(t, (socket) => {
    socket.on('data', (bytes) => {
      seen += bytes.toString('latin1');
      const whole = /chunked/i.test(seen) ? /\r\n0\r\n(?:.+\r\n)*\r\n$/ : /\r\n\r\n/;
      if (whole.test(seen) && !socket.writableEnded) socket.end(`${ok}Content-Length: 0\r\n\r\n`);
    });
  });
  const served = serveTarget(parseTarget(address));
  send(served);
  await until('the exchange is over', () => {
    served.ends.memory.run();
    return served.lines.length > 0;
  });
  return seen.split('\r\n');
}

test('a request keeps its Host and its fields, and says who it came from', async (t) => {
  const lines = await requestOf(t, ({ ask }) =>
    ask({
      path: '/a?b=c',
      fields: [
        ['x-one', 'ä'],
        ['x-forwarded-for', '198.51.100.1'],
        ['te', 'trailers'],
        ['proxy-authorization', 'Basic secret'],
      ],
    }).exchange.end(),
  );
  assert.deepEqual(lines, [
    'GET /a?b=c HTTP/1.1',
    'Host: flipt.dev.local',
    'x-one: ä',
    'X-Forwarded-For: 198.51.100.1, 192.0.2.7',
    'TE: trailers',
    'Connection: te',
    '',
    '',
  ]);
});

test('a body of a known length goes as it is', async (t) => {
  const lines = await requestOf(t, ({ ask }) => {
    const { exchange } = ask({ method: 'POST', contentLength: 4 });
    exchange.body(Buffer.from('body'));
    exchange.end();
  });
  assert.ok(lines.includes('Content-Length: 4'));
});

test('a body of an unknown length goes in chunks, with those trailers that may be some', async (t) => {
  const lines = await requestOf(t, ({ ask }) => {
    const { exchange } = ask({ method: 'POST' });
    exchange.body(Buffer.from('body'));
    exchange.end([
      ['x-sum', '1'],
      ['authorization', 'forged'],
    ]);
  });
  const body = lines.slice(lines.indexOf('') + 1);
  assert.ok(lines.includes('Transfer-Encoding: chunked'));
  assert.deepEqual(body, ['4', 'body', '0', 'x-sum: 1', '', '']);
});

test('a request that has not said whether it has a body is passed on after a while', async (t) => {
  const lines = await requestOf(t, ({ ask, ends }) => {
    const { exchange } = ask();
    ends.memory.run();
    setTimeout(() => exchange.end(), 400);
  });
  assert.ok(lines.includes('Transfer-Encoding: chunked'));
});

test('a POST without a body says so', async (t) => {
  const lines = await requestOf(t, ({ ask }) => ask({ method: 'POST' }).exchange.end());
  assert.ok(lines.includes('Content-Length: 0'));
});

const responses: [name: string, answer: string, status: number, text: string][] = [
  ['of a length', `${ok}Content-Length: 5\r\n\r\nhello and more`, 200, 'hello'],
  [
    'in chunks',
    `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`,
    200,
    'hello',
  ],
  ['until the target closes', `${ok}\r\nhello`, 200, 'hello'],
  ['of HTTP/1.0', 'HTTP/1.0 404 No\r\n\r\nhello', 404, 'hello'],
  ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
];
for (const [name, answer, status, text] of responses) {
  test(`a response ${name} is passed on as a whole`, async (t) => {
    const served = await answering(t, answer);
    const { exchange, got, settled } = served.ask();
    exchange.end();
    await settled();
    assert.equal(got.head?.status, status);
    assert.equal(got.text, text);
    assert.deepEqual(got.trailers, []);
    assert.equal(served.lines[0].outcome, 'ok');
    assert.equal(served.lines[0].bytesDown, text.length);
  });
}

test('fields of the connection stay behind, trailers and interim responses pass', async (t) => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  const served = await answering(
    t,
    `${interim.repeat(HTTP3_INTERIM_MAX + 3)}${ok}Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\n` +
      'Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 3\r\n\r\n',
  );
  const { exchange, got, settled } = served.ask();
  exchange.end();
  await settled();
  assert.deepEqual(got.calls, [
    ...Array.from({ length: HTTP3_INTERIM_MAX }, () => 'interim 103'),
    'response 200',
    'body',
    'ended',
  ]);
  assert.deepEqual(got.head?.fields, [['x-kept', '2']]);
  assert.deepEqual(got.trailers, [['x-sum', '3']]);
});

test('HEAD keeps the length and has no body', async (t) => {
  const served = await answering(t, `${ok}Content-Length: 5\r\n\r\n`);
  const { exchange, got, settled } = served.ask({ method: 'HEAD' });
  exchange.end();
  await settled();
  assert.deepEqual(got.calls, ['response 200', 'ended']);
  assert.equal(got.head?.contentLength, 5);
});

const failures: [name: string, answer: string, code: string][] = [
  ['is no HTTP', 'SSH-2.0-x\r\n\r\n', 'RESPONSE_INVALID'],
  ['has two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\na`, 'RESPONSE_INVALID'],
  [
    'has a length beside chunks',
    `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'RESPONSE_INVALID',
  ],
  [
    'changes protocols',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    'RESPONSE_INVALID',
  ],
  ['ends within its head', `${ok}Content-`, 'TARGET_CLOSED'],
  ['does not come', '', 'TARGET_CLOSED'],
];
for (const [name, answer, code] of failures) {
  test(`a response that ${name} becomes a 502 in words, without a reset`, async (t) => {
    const served = await answering(t, answer);
    const { exchange, got, settled } = served.ask();
    exchange.end();
    await settled();
    assert.deepEqual(got.calls, ['response 502', 'body', 'ended']);
    assert.deepEqual(
      got.head?.fields.find(([field]) => field === 'sallyport-error'),
      ['sallyport-error', code],
    );
    assert.equal(served.lines[0].outcome, code);
    assert.equal(served.lines[0].status, 502);
  });
}

const broken: [name: string, answer: string][] = [
  ['of a length', `${ok}Content-Length: 50\r\n\r\nhello`],
  ['in chunks', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
  ['in bad chunks', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`],
];
for (const [name, answer] of broken) {
  test(`a response ${name} that breaks off never looks whole`, async (t) => {
    const served = await answering(t, answer);
    const { exchange, got, settled } = served.ask();
    exchange.end();
    await settled();
    assert.equal(got.head?.status, 200);
    assert.equal(got.trailers, null);
    assert.equal(got.error?.code, 'STREAM_RESET');
  });
}

test('a target that is down is a 502 in general words; the log has the address', async () => {
  const port = await freePort();
  const served = serveTarget(parseTarget(`127.0.0.1:${port}`));
  const { exchange, got, settled } = served.ask({ method: 'HEAD' });
  exchange.end();
  await settled();
  assert.deepEqual(got.calls, ['response 502', 'ended']);
  const other = served.ask({ method: 'POST', contentLength: 1_000 });
  await other.settled();
  assert.equal(other.got.head?.status, 502);
  assert.match(other.got.text, /^TARGET_REFUSED \(at the target\)\n\n/);
  assert.ok(!other.got.text.includes(String(port)));
  assert.ok(served.lines[1].error?.includes(String(port)));
});

test('CONNECT is answered, not dialled', async () => {
  const served = serveTarget(parseTarget('127.0.0.1:1'));
  const { exchange, got, settled } = served.ask({
    method: 'CONNECT',
    authority: 'a:1',
    scheme: '',
    path: '',
  });
  exchange.end();
  await settled();
  assert.equal(got.head?.status, 501);
});
