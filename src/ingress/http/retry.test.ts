import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, get, HOST, ok, playIngress, relay } from '../../../test/support/http-ingress.ts';
import { SallyportError, type ErrorCode } from '../../errors.ts';

const request = (method: string, body = ''): string =>
  `${method} / HTTP/1.1\r\n${HOST}${body ? `Content-Length: ${body.length}\r\n` : ''}\r\n${body}`;

for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
  test(`${method} is sent once more, elsewhere, when its stream breaks`, async (t) => {
    const played = await relay(t);
    played.client.send(request(method));
    const first = (await arrived(played, 1)).accept();
    first.break('LINK_LOST');
    const second = (await arrived(played, 1, 1)).accept();
    assert.equal(second.received, first.received);
    second.break('LINK_LOST');
    assert.match(await played.client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1.1 502 /);
    assert.equal(played.streams.length, 2, 'and no third time');
    assert.equal(played.lines[0].outcome, 'LINK_LOST');
  });
}

for (const method of ['POST', 'PATCH', 'LOCK']) {
  test(`P1: ${method} is not sent again when its stream breaks`, async (t) => {
    const played = await relay(t);
    played.client.send(request(method));
    (await arrived(played, 1)).accept().break('LINK_LOST');
    const text = await played.client.until((all) => all.includes('\r\n\r\n'));
    assert.match(text, /^HTTP\/1.1 502 Bad Gateway\r\n/);
    assert.match(text, /\r\nSallyport-Error: LINK_LOST\r\n/);
    assert.equal(played.streams.length, 1);
  });
}

test('P1: neither is a POST whose link broke before the stream was answered', async (t) => {
  const played = await relay(t);
  played.client.send(request('POST'));
  (await arrived(played, 1)).break('SESSION_CLOSED');
  await played.client.until((text) => text.includes('502'));
  assert.equal(played.streams.length, 1);
});

test('P1: an upgrade is not sent again', async (t) => {
  const played = await relay(t);
  played.client.send(get('/', 'Connection: upgrade\r\nUpgrade: websocket\r\n'));
  (await arrived(played, 1)).accept().break('LINK_LOST');
  await played.client.until((text) => text.includes('502'));
  assert.equal(played.streams.length, 1);
});

test('a request that was refused before a byte reached a target is offered elsewhere', async (t) => {
  const played = await relay(t);
  played.client.send(request('POST'));
  (await arrived(played, 1)).break('TARGET_REFUSED');
  (await arrived(played, 1, 1)).accept().answer(ok('done'));
  assert.equal(await played.client.until((text) => text.endsWith('done')), ok('done'));
  assert.equal(played.lines[0].outcome, 'ok');
});

test('when all refuse, the refusal is the answer', async (t) => {
  const played = await relay(t);
  played.client.send(request('GET'));
  (await arrived(played, 1)).break('TARGET_REFUSED');
  (await arrived(played, 1, 1)).break('TARGET_REFUSED');
  const text = await played.client.until((all) => all.includes('\r\n\r\n'));
  assert.match(text, /^HTTP\/1.1 502 /);
  assert.match(text, /\r\nSallyport-Error: TARGET_REFUSED\r\n/);
});

test('a name that stands for a refusal says nothing once the stream was taken', async (t) => {
  const played = await relay(t);
  played.client.send(request('POST'));
  (await arrived(played, 1)).accept().break('TARGET_REFUSED');
  await played.client.until((text) => text.includes('502'));
  assert.equal(played.streams.length, 1);
});

test('nothing is sent again once a byte of its body has gone', async (t) => {
  const played = await relay(t);
  played.client.send(request('PUT', 'body'));
  await played.until(() => played.streams[0]?.received.endsWith('body') ?? false);
  played.streams[0].break('TARGET_REFUSED');
  await played.client.until((text) => text.includes('502'));
  assert.equal(played.streams.length, 1);
});

test('P2: nothing is sent again once a byte of the response has come', async (t) => {
  const played = await relay(t);
  played.client.send(request('GET'));
  (await arrived(played, 1)).accept().answer('H').break('LINK_LOST');
  await played.client.until((text) => text.includes('502'));
  assert.equal(played.streams.length, 1);
});

test('a kept stream that closes under a request costs a GET nothing', async (t) => {
  const played = await relay(t);
  played.client.send(request('GET'));
  const first = (await arrived(played, 1)).accept().answer(ok('1'));
  await played.client.until((text) => text.endsWith('1'));
  played.client.send(request('GET'));
  await arrived(played, 2);
  first.finish();
  const second = (await arrived(played, 1, 1)).accept();
  assert.equal(second.request.id, 'id2');
  second.answer(ok('2'));
  await played.client.until((text) => text.endsWith('2'));
});

test('a stream that was quiet for long is not trusted with a POST', async (t) => {
  const played = await relay(t);
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const exchange = async (method: string, heads: number, stream: number): Promise<void> => {
    played.client.send(request(method));
    const answer = `${method} at ${now}`;
    (await arrived(played, heads, stream)).accept().answer(ok(answer));
    await played.client.until((text) => text.endsWith(answer));
  };
  await exchange('GET', 1, 0);
  now = 900;
  await exchange('POST', 2, 0);
  now = 2_500;
  await exchange('GET', 3, 0);
  now = 4_000;
  await exchange('POST', 1, 1);
  assert.equal(played.streams[0].wasReset, true);
});

test('an idle stream that the target closes is forgotten', async (t) => {
  const played = await relay(t);
  for (const [end, index] of [
    ['finish', 0],
    ['break', 1],
  ] as const) {
    played.client.send(request('POST'));
    const stream = (await arrived(played, 1, index)).accept().answer(ok('x'));
    await played.until(() => played.lines.length === index + 1);
    if (end === 'finish') stream.finish();
    else stream.break('STREAM_RESET');
  }
  assert.equal(played.streams[0].ended, true);
  played.client.send(request('GET'));
  await arrived(played, 1, 2);
});

for (const [code, status] of [
  ['SERVICE_ABSENT', 503],
  ['SERVICE_UNKNOWN', 404],
  ['TOO_MANY_STREAMS', 503],
  ['SESSION_CLOSED', 502],
] as [ErrorCode, number][]) {
  test(`${code} when no stream can be opened, and the connection goes on`, async (t) => {
    const played = await playIngress(t);
    played.routes.add({ host: 'a.test' }, { service: 'a' });
    const client = await played.connect();
    played.refusal = new SallyportError(code, 'service a: not now');
    client.send(get());
    const text = await client.until((all) => all.includes('Request id1'));
    assert.ok(text.startsWith(`HTTP/1.1 ${status} `));
    assert.equal(text.includes('\r\nRetry-After: '), status === 503);
    played.refusal = null;
    client.send(get());
    (await arrived(played, 1)).answer(ok('now'));
    await client.until((all) => all.endsWith('now'));
    assert.equal(played.lines[0].outcome, code);
  });
}
