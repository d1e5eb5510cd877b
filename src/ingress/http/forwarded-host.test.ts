import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { arrived, ok, playIngress, type Played } from '../../../test/support/http-ingress.ts';
import { createCidrSet } from '../../net/cidr.ts';
import type { HttpIngressOptions } from './ingress-options.ts';

const loopback = createCidrSet(['127.0.0.0/8']);

async function play(t: TestContext, options: Partial<HttpIngressOptions>): Promise<Played> {
  const played = await playIngress(t, options);
  for (const name of ['a', 'b']) played.routes.add({ host: `${name}.test` }, { service: name });
  return played;
}

/** The services that requests of one connection reach, one after the other; a status where none. */
async function reached(played: Played, ...requests: [host: string, forwarded: string | null][]) {
  const client = await played.connect();
  const found: (string | number)[] = [];
  for (const [host, forwarded] of requests) {
    const field = forwarded === null ? '' : `X-Forwarded-Host: ${forwarded}\r\n`;
    const [streams, lines] = [played.streams.length, played.lines.length];
    client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n${field}\r\n`);
    await played.until(() => played.streams.length > streams || played.lines.length > lines);
    if (played.lines.length > lines) {
      found.push(played.lines.at(-1)!.status);
      continue;
    }
    const stream = (await arrived(played, 1, streams))
      .accept()
      .answer(ok('x', 'Connection: close\r\n'));
    await played.until(() => played.lines.length > lines);
    found.push(stream.request.service);
  }
  return found;
}

test('the host that a trusted proxy names goes before its own, for that request only', async (t) => {
  const played = await play(t, { trusted: loopback, routeByForwardedHost: true });
  assert.deepEqual(
    await reached(
      played,
      ['a.test', null],
      ['a.test', 'B.test:8443'],
      ['a.test', null],
      ['proxy.test', 'a.test'],
      ['proxy.test', 'nobody.test'],
    ),
    ['a', 'b', 'a', 'a', 404],
  );
  assert.equal(played.lines.at(1)!.host, 'b.test');
});

test('what a trusted proxy names and is no host is refused', async (t) => {
  const played = await play(t, { trusted: loopback, routeByForwardedHost: true });
  assert.deepEqual(await reached(played, ['a.test', 'b.test/x']), [400]);
});

test('spoofing: who is not trusted names no host but by the Host field', async (t) => {
  const played = await play(t, { trusted: () => false, routeByForwardedHost: true });
  assert.deepEqual(await reached(played, ['a.test', 'b.test']), ['a']);
  assert.deepEqual(await reached(played, ['nobody.test', 'b.test']), [404]);
});

test('spoofing: where it is not switched on, a trusted proxy names none either', async (t) => {
  const played = await play(t, { trusted: loopback });
  assert.deepEqual(await reached(played, ['a.test', 'b.test']), ['a']);
});
