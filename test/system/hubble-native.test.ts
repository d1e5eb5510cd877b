/** Hubble agents and native ones reach each other's services. */
import assert from 'node:assert/strict';
import type net from 'node:net';
import { test } from 'node:test';
import { parseRule } from '../../src/consumer/rule.ts';
import { openForward } from '../../src/consumer/forward.ts';
import { composeConsumer, runAgent, service } from '../support/composition.ts';
import { composeHubbleServer, runHubble } from '../support/hubble.ts';
import { joinPeer, serveSessions } from '../support/hubble-peer.ts';
import { noiseBytes } from '../support/noise.ts';
import { connectClient, serveSockets } from '../support/service-door.ts';
import { until } from '../support/wait.ts';

const MB = 1024 * 1024;
const patience = { timeout: 60_000 };

const echo = (socket: net.Socket): void => void socket.pipe(socket);
const blob = noiseBytes(MB);

test(
  'a native consumer reaches Hubble gateways, ours and originals, at targets it names',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const { address } = await composeHubbleServer(t);
    await runHubble(t, address, { name: 'ours' }).connected();
    serveSessions(await joinPeer(t, address.port, 'original'));
    const consumer = composeConsumer(t, address);
    await consumer.attach(new AbortController().signal);
    const accessLog = { stream() {}, request() {} };
    for (const name of ['ours', 'original']) {
      const rule = parseRule(`0:key@${name}:127.0.0.1:${target}`);
      const forward = await openForward({ consumer, rule, accessLog });
      t.after(() => forward.close());
      const client = connectClient(t, { port: forward.address.port });
      client.socket.write(blob);
      await until(`${name} echoes`, () => client.received().length === MB);
      assert.ok(client.received().equals(blob));
    }
    const refused = Promise.withResolvers<Error>();
    consumer.open(
      { service: 'ours' },
      { data() {}, finished() {}, drained() {}, reset: refused.resolve },
    );
    assert.match((await refused.promise).message, /no target of its own/);
  },
);

test(
  'a Hubble agent reaches services of native agents: their own target by port 0, another by their rules',
  patience,
  async (t) => {
    const own = await serveSockets(t, (socket) => socket.end('own'));
    const other = await serveSockets(t, (socket) => socket.end('other'));
    const server = await composeHubbleServer(t);
    const setting = { allow: [`127.0.0.1:${other}`] };
    await runAgent(t, server.address, [service('box', `127.0.0.1:${own}`, setting)]).ready();
    const agent = runHubble(t, server.address, {
      name: 'agent1',
      rules: ['0:box:0.0.0.0:0', `0:box:127.0.0.1:${other}`, '0:box:127.0.0.1:1'],
    });
    await agent.connected();
    const said = async (port: number): Promise<string> => {
      const client = connectClient(t, { port });
      await client.ended;
      return client.received().toString();
    };
    assert.deepEqual([await said(agent.ports[0]), await said(agent.ports[1])], ['own', 'other']);
    await assert.rejects(said(agent.ports[2]), /ECONNRESET/);
  },
);
