/** Who may do what at a server that speaks Hubble, and what is told of it. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { createHubbleEvents, type HubbleEvent } from '../../src/compat/hubble/events.ts';
import { createHubbleProxy } from '../../src/compat/hubble/proxy.ts';
import { allScopes } from '../../src/access/identity.ts';
import type { Policy } from '../../src/access/policy/policy.ts';
import { composeServer } from '../support/composition.ts';
import { composeHubbleServer, runHubble } from '../support/hubble.ts';
import {
  ACK,
  CLOSED,
  connectPeer,
  HANDSHAKE,
  INITIATOR,
  joinPeer,
  serveSessions,
  TERMINATOR,
} from '../support/hubble-peer.ts';
import { connectClient, serveSockets } from '../support/service-door.ts';
import { until, within } from '../support/wait.ts';

const patience = { timeout: 60_000 };

const echo = (socket: net.Socket): void => void socket.pipe(socket);
const session = { GUID: 'f47ac10b-58cc-4372-a567-0e02b2c3d479', Gatename: 'agent2', Key: '' };

/** Agents may register, and nobody may reach them. */
const denyConnections: Policy = {
  authorize: ({ action }) => ({ allow: action === 'register', reason: 'a test' }),
  close() {},
};

test('refusals: denied, no such gateway, closed port, named as the originals name them', async (t) => {
  const { address } = await composeHubbleServer(t);
  const closed = net.createServer().listen(0, '127.0.0.1');
  await until('a port is known', () => closed.listening);
  const { port } = closed.address() as net.AddressInfo;
  closed.close();
  await runHubble(t, address, { name: 'agent2' }).connected();
  const agent1 = await joinPeer(t, address.port, 'agent1');
  const refusal = async (fields: Record<string, string | number>): Promise<string> => {
    const GUID = crypto.randomUUID();
    agent1.send(INITIATOR, {
      ...session,
      RemoteHost: '127.0.0.1',
      RemotePort: port,
      ...fields,
      GUID,
    });
    const ack = await agent1.hear(ACK, GUID);
    assert.equal(ack.fields.Ok, false);
    return ack.text('Message');
  };
  assert.equal(await refusal({ Gatename: 'nobody' }), 'Gateway not registered');
  assert.equal(await refusal({ Gatename: 'no body\n' }), 'Gateway not registered');
  assert.match(await refusal({}), /ECONNREFUSED/);
  assert.match(await refusal({ RemoteHost: '' }), /no host/);
  assert.match(await refusal({ RemoteHost: '127.1' }), /not a host name/);

  const strict = await composeHubbleServer(t, {}, { policy: denyConnections });
  await runHubble(t, strict.address, { name: 'agent2' }).connected();
  const denied = runHubble(t, strict.address, { name: 'a', rules: ['0:agent2:127.0.0.1:1'] });
  await denied.connected();
  const client = connectClient(t, { port: denied.ports[0] });
  await assert.rejects(within(5_000, client.ended, 'the end'), /ECONNRESET|in vain/);
  const peer = await joinPeer(t, strict.address.port, 'b');
  peer.send(INITIATOR, { ...session, RemoteHost: 'h', RemotePort: 1 });
  assert.equal((await peer.hear(ACK, session.GUID)).text('Message'), 'Unauthorized');
});

test('an allow-list keeps an agent from dialling anything else', async (t) => {
  let connections = 0;
  const count = (socket: net.Socket): void => void (connections++, socket.end('in'));
  const allowed = await serveSockets(t, count);
  const denied = await serveSockets(t, count);
  const { address } = await composeHubbleServer(t);
  const rules = [`127.0.0.1:${allowed}`];
  await runHubble(t, address, { name: 'agent2', allow: rules }).connected();
  const agent1 = await joinPeer(t, address.port, 'agent1');
  const open = async (RemotePort: number, RemoteHost = '127.0.0.1') => {
    const GUID = crypto.randomUUID();
    agent1.send(INITIATOR, { ...session, GUID, RemoteHost, RemotePort });
    return agent1.hear(ACK, GUID);
  };
  assert.equal((await open(allowed)).fields.Ok, true);
  assert.equal((await open(allowed, 'localhost')).fields.Ok, true);
  const refusal = await open(denied);
  assert.deepEqual([refusal.fields.Ok, connections], [false, 2]);
  assert.match(refusal.text('Message'), /^TARGET_DENIED/);
});

test(
  'the events of the originals: registrations, sessions, refusals, each once',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const told: HubbleEvent[] = [];
    const { address } = await composeServer(t, {
      dialects: [
        (host) => {
          host.events.listen(createHubbleEvents((event) => void told.push(event)));
          return createHubbleProxy({ auth: 'none' })(host);
        },
      ],
    });
    const agent2 = await joinPeer(t, address.port, 'agent2');
    serveSessions(agent2);
    const agent1 = await joinPeer(t, address.port, 'agent1');
    agent1.send(INITIATOR, {
      ...session,
      Key: 'topsecret',
      RemoteHost: '127.0.0.1',
      RemotePort: target,
    });
    await agent1.hear(ACK, session.GUID);
    agent1.send(CLOSED, { GUID: session.GUID });
    agent2.send(CLOSED, { GUID: session.GUID });
    await until('the session is over', () => told.length === 4);
    const unknown = {
      ...session,
      GUID: 'other',
      Gatename: 'nobody',
      RemoteHost: 'h',
      RemotePort: 1,
    };
    agent1.send(INITIATOR, unknown);
    await agent1.hear(ACK, 'other');
    agent2.socket.close();
    await until('the agent has left', () => told.length === 6);
    const SourceGateway = 'agent1';
    const toAgent2 = { RemoteHost: '127.0.0.1', RemotePort: target, Gatename: 'agent2' };
    const toNobody = { RemoteHost: 'h', RemotePort: 1, Gatename: 'nobody' };
    assert.deepEqual(told.slice(0, 4), [
      { kind: 'GatewayRegistrationEvent', Gateway: 'agent2' },
      { kind: 'GatewayRegistrationEvent', Gateway: 'agent1' },
      {
        kind: 'OpenSessionEvent',
        SourceGateway,
        ConnectionRequest: toAgent2,
        Success: true,
        Error: '',
      },
      { kind: 'CloseSessionEvent', Gateway: 'agent1' },
    ]);
    const refusal = told[4];
    assert.ok(refusal.kind === 'OpenSessionEvent' && !refusal.Success && refusal.Error !== '');
    assert.deepEqual(refusal.ConnectionRequest, toNobody);
    assert.deepEqual(told[5], { kind: 'GatewayUnregistrationEvent', Gateway: 'agent2' });
    assert.ok(!JSON.stringify(told).includes('topsecret'));
  },
);

test(
  'with keys, an agent is who its key says: scopes of names and targets, and an end when it is good no more',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const operator = { name: 'op', token: 'sp_operator-of-the-hubble-test', ...allScopes };
    const gate = {
      name: 'gate',
      token: 'sp_gate-of-the-hubble-test',
      roles: ['agent'],
      names: ['gate-*'],
    } as const;
    const user = {
      name: 'user',
      token: 'sp_user-of-the-hubble-test',
      roles: ['agent', 'consumer'],
      names: ['user', 'gate-*'],
      targets: [`127.0.0.1:${target}`],
    } as const;
    const options = { identities: [operator, gate, user] };
    const server = await composeHubbleServer(t, { auth: 'key' }, options);
    const { port } = server.address;
    const refusal = async (Name: string, Key: string): Promise<string> => {
      const peer = await connectPeer(t, port);
      peer.send(HANDSHAKE, { Version: '0.1', Name, Key });
      const ack = await peer.hear(ACK);
      await peer.ended();
      return ack.text('Message');
    };
    assert.match(await refusal('gate-1', ''), /^AUTH_REQUIRED/);
    assert.match(await refusal('gate-1', 'wrong'), /^AUTH_FAILED/);
    assert.match(await refusal('gate-1', 'two words'), /^AUTH_FAILED/);
    assert.equal(await refusal('other', gate.token), 'Unauthorized');
    const far = await joinPeer(t, port, 'gate-1', gate.token);
    serveSessions(far);
    const near = await joinPeer(t, port, 'user', user.token);
    const open = async (GUID: string, fields: Record<string, string | number>) => {
      const opening = {
        ...session,
        GUID,
        Gatename: 'gate-1',
        RemoteHost: '127.0.0.1',
        RemotePort: target,
      };
      near.send(INITIATOR, { ...opening, ...fields });
      const ack = await near.hear(ACK, GUID);
      return ack.fields.Ok === true || ack.text('Message');
    };
    assert.equal(await open('a', {}), true);
    assert.equal(await open('b', { RemotePort: target + 1 }), 'Unauthorized');
    assert.equal(await open('c', { Gatename: 'elsewhere' }), 'Unauthorized');
    server.reload({ identities: [operator, user] });
    await far.ended();
    await near.hear(TERMINATOR, 'a');
    assert.equal(await open('d', {}), 'Gateway not registered');
  },
);
