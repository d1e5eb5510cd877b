/** Operators and the peers of other tools: listed, counted and ended like those of our own protocol. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { allScopes } from '../../src/access/identity.ts';
import { createCallbackDialect } from '../../src/compat/callback/dialect.ts';
import { createWstunnelServer } from '../../src/compat/wstunnel/dialect.ts';
import { startReverse } from '../support/callback-peers.ts';
import { composeServer } from '../support/composition.ts';
import { ask } from '../support/http-client.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { until } from '../support/wait.ts';
import { playAgent } from '../support/wstunnel-agent.ts';

const admin = 'sp_token-of-the-admin-beside-dialects';
const guest = 'sp_token-of-a-guest-of-dialects';

async function startControlled(t: TestContext) {
  const server = await composeServer(t, {
    identities: [
      { ...allScopes, name: 'root', token: admin },
      { name: 'bob', token: guest, roles: ['agent', 'consumer'], names: ['*'] },
    ],
    dialects: [createCallbackDialect({ open: ['box'] }), createWstunnelServer({ open: true })],
  });
  const { port } = server.address;
  async function control<Answer>(method: string, path: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${admin}` };
    const { status, text } = await ask({ port, method, path: `/api/v1/${path}`, headers });
    assert.equal(status, 200, text);
    return JSON.parse(text) as Answer;
  }
  return { server, url: `http://127.0.0.1:${port}`, port, control };
}

interface Listed {
  readonly seq: number;
  readonly items: readonly Record<string, unknown>[];
}

test('agents of other tools are listed with what their protocols tell, and counted', async (t) => {
  const { server, url, port, control } = await startControlled(t);
  const echo = await startEcho(t);
  await startReverse(t, { url }, 'box', echo.address).established();
  await playAgent(t, { port });
  await until('both are up', () => server.events.since(0)!.length >= 4);

  const { items, seq } = await control<Listed>('GET', 'agents');
  assert.equal(seq, server.events.seq);
  const [ours, theirs] = items;
  const { peer, attachedAt, ...rest } = ours;
  assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
  assert.ok(Math.abs(Date.now() - Number(attachedAt)) < 60_000);
  const bare = { identity: '-', program: '', rttMs: 0, streams: 0 };
  assert.deepEqual(rest, {
    ...bare,
    session: 'callback-1',
    protocol: 'callback',
    services: ['box'],
  });
  assert.equal(theirs.protocol, 'wstunnel');
  assert.equal((theirs.services as string[]).length, 1);
  assert.equal((await control<{ agents: number }>('GET', 'status')).agents, 2);
  assert.deepEqual((await control<Listed>('GET', 'consumers')).items, []);
});

test('they are kicked, alone and with their service', async (t) => {
  const { server, url, port, control } = await startControlled(t);
  const echo = await startEcho(t);
  const box = startReverse(t, { url }, 'box', echo.address, { reconnectMs: 60_000 });
  await box.established();
  const ended = await control<Record<string, number>>('POST', 'agents/callback-1/kick');
  assert.deepEqual([ended.sessions, ended.services, ended.streams], [1, 1, 0]);
  await until('it is told', () => box.losses.length === 1);
  assert.deepEqual((await control<Listed>('GET', 'agents')).items, []);
  const down = server.events.since(0)!.find(({ type }) => type === 'client.down');
  assert.equal(down?.type === 'client.down' && down.reason, 'KICKED');

  const agent = await playAgent(t, { port });
  await until('it serves', async () => (await control<Listed>('GET', 'agents')).items.length === 1);
  const [{ services }] = (await control<Listed>('GET', 'agents')).items;
  const path = `services/${encodeURIComponent((services as string[])[0])}/kick`;
  const { sessions } = await control<{ sessions: number }>('POST', path);
  assert.equal(sessions, 1, 'it is there for that service only');
  await agent.closed;
  assert.equal((await control<{ agents: number }>('GET', 'status')).agents, 0);
});

test('who is revoked is out whatever he speaks, and his sessions are counted as his', async (t) => {
  const { server, url, control } = await startControlled(t);
  const echo = await startEcho(t);
  const headers = { authorization: `Bearer ${guest}` };
  const desk = startReverse(t, { url }, 'desk', echo.address, { headers });
  await desk.established();
  const held = async (): Promise<unknown> => {
    const { items } = await control<Listed>('GET', 'identities');
    return items.find(({ identity }) => identity === 'bob')?.sessions;
  };
  await until('it is counted', async () => (await held()) === 1);
  const { sessions, services } = await control<Record<string, number>>(
    'POST',
    'identities/bob/revoke',
  );
  assert.deepEqual([sessions, services], [1, 1]);
  await until('it is told', () => desk.losses.length > 0);
  assert.equal(await held(), 0);
  assert.ok(server.events.since(0)!.some(({ type }) => type === 'client.down'));
});
