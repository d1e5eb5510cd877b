import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOrigin } from '../support/http-origin.ts';
import { runPeer } from '../support/peer.ts';
import { startServer, startService, testToken } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

/** Curl gives up after this; what had come by then it has printed. Unit: seconds. */
const PATIENCE_S = '2';

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** The messages that have data, as `EventSource` would give them out. */
function messagesOf(stream: string): Message[] {
  const messages: Message[] = [];
  for (const block of stream.split('\n\n')) {
    const field = (name: string): string =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
    const data = field('data');
    if (data !== '')
      messages.push({ id: field('id'), event: field('event'), data: JSON.parse(data) });
  }
  return messages;
}

test('curl follows the events of a server, and goes on where it was by Last-Event-ID', async (t) => {
  const server = await startServer(t);
  const base = `http://127.0.0.1:${server.port}/api/v1`;
  const curl = async (path: string, ...words: string[]) => {
    const quiet = ['curl', '-sSN', '--noproxy', '*', '--max-time', PATIENCE_S];
    const credential = ['-H', `Authorization: Bearer ${testToken}`];
    const { code, out } = await runPeer([...quiet, ...credential, ...words, `${base}${path}`]);
    return { code, text: out.toString() };
  };
  const follow = async (path: string, after: string): Promise<Message[]> => {
    const { code, text } = await curl(path, '-H', `Last-Event-ID: ${after}`);
    assert.equal(code, 28, 'it was still reading when its time was up');
    assert.match(text, /^retry: \d+\nid: /);
    return messagesOf(text);
  };
  const origin = await startOrigin(t);
  const words = (name: string): string[] => ['http', origin.address, '--name', name];
  await startService(t, server, words('web'));

  const first = await follow('/events', '0');
  assert.deepEqual(
    first.map(({ event, data }) => [event, data.seq]),
    [
      ['client.up', 1],
      ['service.up', 2],
    ],
  );
  const { program } = await startService(t, server, words('docs'));
  await program.end();
  const list = async (): Promise<{ seq: number; run: string }> =>
    JSON.parse((await curl('/agents')).text) as { seq: number; run: string };
  await until('all is told', async () => (await list()).seq === 6);
  const then = await follow('/events', first.at(-1)!.id);
  assert.deepEqual(
    then.map(({ event, data }) => [event, data.seq]),
    [
      ['client.up', 3],
      ['service.up', 4],
      ['service.down', 5],
      ['client.down', 6],
    ],
    'nothing is missing, and nothing comes twice',
  );
  const filtered = await follow('/events?type=service.*&service=do*', '0');
  assert.deepEqual(
    filtered.map(({ data }) => [data.type, data.service]),
    [
      ['service.up', 'docs'],
      ['service.down', 'docs'],
    ],
  );

  const { run, seq } = await list();
  assert.deepEqual(
    await follow('/events', `${run}-${seq}`),
    [],
    'after a list: what it does not hold',
  );
  const [lagged] = await follow('/events', 'another-run-7');
  assert.deepEqual([lagged.event, lagged.data], ['lagged', { missed: null, seq }]);
});
