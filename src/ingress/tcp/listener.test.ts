import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { echo, openPublicPort } from '../../../test/support/public-port.ts';
import { until, within } from '../../../test/support/wait.ts';
import { PROXY_HEADER_TIMEOUT_MS } from '../../limits.ts';
import { encodeProxyHeader } from '../../net/proxy-protocol.ts';

describe('a public port with a trusted proxy before it', () => {
  const trusting = { proxyProtocolFrom: (ip: string) => ip === '127.0.0.1' };

  for (const version of ['v1', 'v2'] as const) {
    test(`a PROXY header ${version} names the consumer, in whatever pieces it comes`, async (t) => {
      const { door, connect } = await openPublicPort(t, echo, trusting);
      const header = encodeProxyHeader(version, '203.0.113.7:1234', '198.51.100.1:443');
      const { socket, ended, received } = connect();
      socket.setNoDelay(true);
      for (const byte of header) await new Promise((sent) => socket.write(Buffer.of(byte), sent));
      socket.end('hello');
      await within(5_000, ended);
      assert.equal(received().toString(), 'hello');
      assert.equal(door.requests[0].consumer, '203.0.113.7:1234');
      assert.equal((door.requests[0] as { local?: string }).local, '198.51.100.1:443');
      const whole = connect();
      whole.socket.end(Buffer.concat([header, Buffer.from('in one')]));
      await within(5_000, whole.ended);
      assert.equal(whole.received().toString(), 'in one');
      assert.equal((await door.line(1)).bytesUp, 6, 'the header does not count');
    });
  }

  test('one that speaks for itself is the consumer', async (t) => {
    const { door, connect } = await openPublicPort(t, echo, trusting);
    const { socket, ended } = connect();
    socket.end(encodeProxyHeader('v2', '', ''));
    await within(5_000, ended);
    assert.match(door.requests[0].consumer, /^127\.0\.0\.1:/);
  });

  test('attack: a PROXY header of a peer that is not trusted is payload', async (t) => {
    const { door, connect } = await openPublicPort(t, echo, trusting);
    const forged = encodeProxyHeader('v1', '203.0.113.7:1234', null);
    const { socket, ended, received } = connect({ localAddress: '127.0.0.2' });
    socket.end(forged);
    await within(5_000, ended);
    assert.match(door.requests[0].consumer, /^127\.0\.0\.2:/);
    assert.ok(forged.equals(received()));
  });

  test('attack: a connection without the header gets nowhere', async (t) => {
    const { door, connect } = await openPublicPort(t, echo, trusting);
    const { socket, ended } = connect();
    socket.write('GET / HTTP/1.1\r\n');
    await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
    const { outcome, service } = await door.line(0);
    assert.deepEqual(
      { outcome, service, opened: door.requests },
      { outcome: 'REQUEST_INVALID', service: 'box', opened: [] },
    );
  });

  test('attack: a header that never ends is cut off', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { door, connect } = await openPublicPort(t, echo, trusting);
    const slow = connect();
    await once(slow.socket, 'connect');
    slow.socket.write('PROXY TCP4 1.2.');
    // Accepted after the slow one, and answered: so the slow one has been accepted too.
    const quick = connect();
    quick.socket.write('PROXY UNKNOWN\r\nx');
    await once(quick.socket, 'data');
    t.mock.timers.tick(PROXY_HEADER_TIMEOUT_MS - 1);
    assert.deepEqual(door.lines, []);
    t.mock.timers.tick(1);
    await assert.rejects(slow.ended, { code: 'ECONNRESET' });
    assert.deepEqual(
      door.lines.map(({ outcome }) => outcome),
      ['REQUEST_TIMEOUT'],
    );
    quick.socket.end();
    await quick.ended;
  });

  test('a health check that comes and goes is not logged', async (t) => {
    const { door, connect } = await openPublicPort(t, echo, trusting);
    const silent = connect();
    silent.socket.end();
    await within(
      5_000,
      silent.ended.catch(() => {}),
    );
    const cut = connect();
    cut.socket.end('PROXY');
    await assert.rejects(within(5_000, cut.ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'REQUEST_INVALID');
    assert.equal(door.lines.length, 1);
  });

  test('closing breaks off those that still owe their header', async (t) => {
    const { door, ports, connect } = await openPublicPort(t, echo, trusting);
    const { socket, ended } = connect();
    await once(socket, 'connect');
    socket.write('PROXY ');
    const proven = connect();
    proven.socket.write('PROXY UNKNOWN\r\nx');
    await until('the other one is open', () => proven.received().length === 1);
    ports.close();
    await assert.rejects(within(5_000, ended), { code: 'ECONNRESET' });
    assert.equal((await door.line(0)).outcome, 'SERVER_DRAINING');
    proven.socket.end('y');
    await within(5_000, proven.ended);
    assert.equal(proven.received().toString(), 'xy');
  });
});
