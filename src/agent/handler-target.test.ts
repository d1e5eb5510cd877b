import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { openAgentStreams } from '../../test/support/agent-streams.ts';
import { service } from '../../test/support/composition.ts';
import { until } from '../../test/support/wait.ts';
import type { AgentService } from './service.ts';

function handled(take: (connection: Duplex) => void, proxyProtocol?: 'v1'): AgentService {
  const setting = proxyProtocol === undefined ? {} : { proxyProtocol };
  return { ...service('box', '127.0.0.1:1', setting), target: { kind: 'handler', take } };
}

const capitals = (connection: Duplex): void => {
  connection.on('data', (bytes: Buffer) => connection.write(bytes.toString().toUpperCase()));
  connection.on('end', () => connection.end());
};

test('a stream to a handler is a connection within the process, and one line tells of it', async (t) => {
  const { visit, line } = await openAgentStreams(t, [handled(capitals)]);
  const visitor = visit({ id: 'id-7' });
  assert.equal(await visitor.say('hello'), 'HELLO');
  assert.deepEqual(visitor.told, ['accepted', 'finished']);
  const { ms, ...rest } = await line(0);
  assert.ok(ms >= 0);
  assert.deepEqual(rest, {
    id: 'id-7',
    service: 'box',
    consumer: '192.0.2.1:50000',
    target: 'handler',
    bytesUp: 5,
    bytesDown: 5,
    outcome: 'ok',
  });
});

test('it begins with a PROXY header where the service says so', async (t) => {
  const { visit } = await openAgentStreams(t, [handled((c) => void c.pipe(c), 'v1')]);
  const heard = await visit({ consumer: '192.0.2.9:1234', local: '198.51.100.1:443' }).say('hello');
  assert.equal(heard, 'PROXY TCP4 192.0.2.9 198.51.100.1 1234 443\r\nhello');
});

test('a connection that the handler destroys breaks the stream off', async (t) => {
  const { visit, line } = await openAgentStreams(t, [handled((c) => void c.destroy())]);
  assert.equal((await visit().refusal()).code, 'STREAM_RESET');
  assert.equal((await line(0)).outcome, 'STREAM_RESET');
});

test('a consumer that breaks off destroys the connection of the handler', async (t) => {
  const connections: Duplex[] = [];
  const { visit, line } = await openAgentStreams(t, [handled((c) => void connections.push(c))]);
  const visitor = visit();
  await until('it is taken', () => visitor.told.includes('accepted'));
  visitor.stream.reset();
  await until('it is destroyed', () => connections[0].destroyed);
  assert.equal((await line(0)).outcome, 'STREAM_RESET');
});

test('a target that the consumer chose is not the handler', async (t) => {
  const { visit } = await openAgentStreams(t, [handled(() => assert.fail('was taken'))]);
  assert.equal((await visit({ target: '127.0.0.1:80' }).refusal()).code, 'TARGET_DENIED');
});
