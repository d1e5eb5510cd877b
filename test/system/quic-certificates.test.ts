/** Client certificates over QUIC: who holds one of ours is who it says, with no token, as over TLS. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Transport } from '../../src/attach/transport-choice.ts';
import { allScopes } from '../../src/access/identity.ts';
import { composeServer, runAgent, service, type RunningAgent } from '../support/composition.ts';
import { makeCertificate, temporaryFile, type Certificate } from '../support/files.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { until, within } from '../support/wait.ts';

const token = 'sp_credential-of-the-certificate-tests';
const [own, known, other, stranger] = await Promise.all(
  ['localhost', 'agent-7', 'printer', 'agent-8'].map((name) => makeCertificate(name)),
);

interface Stage {
  /** An agent that comes by QUIC, with this certificate and this token. */
  agent(
    certificate: Certificate | null,
    withToken: string,
    transport?: Transport | 'auto',
  ): RunningAgent;
}

async function stage(t: TestContext, authorities: Certificate[]): Promise<Stage> {
  const cas = authorities.map(({ cert }) => cert).join('\n');
  const server = await composeServer(t, {
    identities: [{ name: 'ann', token, ...allScopes }],
    tls: {
      cert: temporaryFile(t, 'cert.pem', own.cert),
      key: temporaryFile(t, 'key.pem', own.key),
      ...(cas !== '' && { clientCa: temporaryFile(t, 'clients.pem', cas) }),
    },
    quicListen: { host: '127.0.0.1', port: 0 },
    authenticators: [
      {
        type: 'mtls',
        name: 'agents',
        certificates: ['CN:agent-*'],
        roles: ['agent'],
        names: ['box'],
      },
    ],
  });
  const echo = await startEcho(t);
  return {
    agent: (certificate, withToken, transport = 'quic') =>
      runAgent(t, server.address, [service('box', echo.address)], {
        server: new URL(`https://127.0.0.1:${server.address.port}`),
        token: withToken,
        transport,
        wayOut: {
          tls: { ca: own.cert, serverName: 'localhost', ...certificate },
          quic: server.quicAddress!,
        },
      }),
  };
}

test('a certificate of an authority is who comes, and needs no token', async (t) => {
  const { agent } = await stage(t, [known, other]);
  await agent(known, '').ready();
});

test('without a certificate a token does, on the same port', async (t) => {
  const { agent } = await stage(t, [known]);
  await agent(null, token).ready();
});

test('one that no rule is for, and none at all, are refused by name', async (t) => {
  const { agent } = await stage(t, [known, other]);
  await assert.rejects(within(5_000, agent(other, '').running), { code: 'AUTH_FAILED' });
  await assert.rejects(within(5_000, agent(null, '').running), { code: 'AUTH_REQUIRED' });
});

test('bypass: one of another authority gets nobody in, and costs the token beside it QUIC only', async (t) => {
  const { agent } = await stage(t, [known]);
  const refused = agent(stranger, token);
  await until('it has been refused', () => refused.losses.length > 0);
  assert.equal(refused.losses[0], 'LINK_LOST');
  await agent(stranger, token, 'auto').ready();
  assert.equal(refused.assigned.size, 0);
});

test('a server that asks for no certificates sees none', async (t) => {
  const { agent } = await stage(t, []);
  await assert.rejects(within(5_000, agent(known, '').running), { code: 'AUTH_REQUIRED' });
});
