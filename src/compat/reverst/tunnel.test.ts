import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectPlainLinks } from '../../../test/support/plain-links.ts';
import { until } from '../../../test/support/wait.ts';
import { acceptStream, Discard, refuseStream } from '../../attach/stream-head.ts';
import { SallyportError } from '../../errors.ts';
import type { Slab } from '../../net/slab.ts';
import type { StreamRequest } from '../../registry/upstream.ts';
import type { Stream } from '../../session/session.ts';
import { YamuxSession } from '../../session/yamux/session.ts';
import { Tunnel } from './tunnel.ts';

const request: StreamRequest = { service: 'flipt', kind: 'http', consumer: '-', id: '1' };

/** A tunnel, and the process for QUIC played by hand. */
async function stage(t: TestContext) {
  const { dialled, accepted } = await connectPlainLinks(t);
  const told: string[] = [];
  const streams: Stream[] = [];
  const tunnel = new Tunnel('t1', accepted, {
    goneAway: () => void told.push('gone away'),
    closed: (error) => void told.push(`closed ${error?.code ?? 'in order'}`),
  });
  const far = new YamuxSession(dialled, {
    client: true,
    events: {
      accept(stream) {
        streams.push(stream);
        return new Discard(stream);
      },
      goneAway() {},
      closed: (error) => void told.push(`far closed ${error?.code ?? 'in order'}`),
    },
  });
  const open = () => {
    const heard: string[] = [];
    const stream = tunnel.open(request, {
      accepted: () => void heard.push('accepted'),
      data: (slab: Slab, start, end) => void heard.push(slab.bytes.toString('utf8', start, end)),
      finished: () => void heard.push('finished'),
      reset: (error) => void heard.push(`${error.code} ${error.message}`),
      drained() {},
    });
    stream.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    return { stream, heard };
  };
  return { tunnel, far, streams, told, open };
}

test('a request is answered, or refused with the reason', async (t) => {
  const { tunnel, streams, open } = await stage(t);
  const served = open();
  const refused = open();
  const broken = open();
  await until('they came', () => streams.length === 3);
  assert.equal(tunnel.streams, 3);
  assert.deepEqual(served.heard, []);
  acceptStream(streams[0]);
  streams[0].send(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'));
  streams[0].end();
  refuseStream(streams[1], new SallyportError('SERVER_BUSY', 'it goes away'));
  streams[2].reset();
  await until('all is told', () => served.heard.includes('finished'));
  await until('and the refusals', () => refused.heard.length + broken.heard.length === 2);
  assert.equal(served.heard[0], 'accepted');
  assert.equal(served.heard.slice(1, -1).join(''), 'HTTP/1.1 204 No Content\r\n\r\n');
  assert.deepEqual(refused.heard, ['SERVER_BUSY it goes away']);
  assert.deepEqual(broken.heard, ['SERVER_BUSY reverst: the client takes no new requests']);
});

test('what is no plain request is refused at once, so that other members are asked', async (t) => {
  const { tunnel, streams } = await stage(t);
  const nobody = { data() {}, finished() {}, reset() {}, drained() {} };
  const asked: Partial<StreamRequest>[] = [
    { kind: 'tcp' },
    { upgrade: true },
    { target: 'host:22' },
  ];
  for (const more of asked)
    assert.throws(() => tunnel.open({ ...request, ...more }, nobody), {
      code: 'REQUEST_UNSUPPORTED',
      message: /service flipt: .*plain HTTP requests only/,
    });
  assert.equal(streams.length, 0);
});

test('a client that goes away takes nothing new; one that is closed hears why', async (t) => {
  const { tunnel, far, streams, told, open } = await stage(t);
  const served = open();
  await until('it came', () => streams.length === 1);
  far.goAway();
  await until('it is told', () => told.includes('gone away'));
  assert.throws(open, { code: 'SESSION_CLOSED' });
  assert.deepEqual(served.heard, []);
  tunnel.close(new SallyportError('KICKED', 'by an operator'));
  await until('both are told', () => told.length === 3);
  assert.deepEqual(told.toSorted(), ['closed KICKED', 'far closed KICKED', 'gone away']);
  assert.match(served.heard[0], /^KICKED /);
});
