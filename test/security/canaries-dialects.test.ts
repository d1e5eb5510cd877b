/** T34 where other tools’ protocols carry secrets: in credentials, keys and rendez-vous tokens of theirs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { startReverse, visit } from '../support/callback-peers.ts';
import { temporaryFile } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { ACK, connectPeer, HANDSHAKE, INITIATOR, joinPeer } from '../support/hubble-peer.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { startServer, testToken } from '../support/tunnel.ts';
import { playAgent } from '../support/wstunnel-agent.ts';

const canaries = {
  token: 'sp_canary-of-a-token-for-all-tools',
  wrong: 'sp_canary-of-a-wrong-token-for-all-tools',
  key: 'canary-of-the-key-of-a-hubble-session',
  named: 'canary-of-a-configured-rendezvous-token',
  open: 'unlisted-canary-of-a-rendezvous-token',
  absent: 'canary-of-a-rendezvous-token-of-nobody',
};

/** Original WStunnel logs show the beginnings of tokens; ours show none of them. */
const parts = Object.entries(canaries).flatMap(([what, secret]) => [
  [what, secret] as const,
  [`${what}, its end`, secret.slice(-20)] as const,
  [`${what} in base64`, Buffer.from(`bob:${secret}`).toString('base64').slice(8, -4)] as const,
]);

test('T34: no credential, key or rendez-vous token of another tool is in logs, events, lists and answers', async (t) => {
  const echo = await startEcho(t);
  const file = temporaryFile(
    t,
    'server.yaml',
    `compat: [callback, sokken, wstunnel, hubble]
sokken_allow: ["${echo.address}"]
wstunnel_open: true
wstunnel_tokens: ["legacy=${canaries.named}"]
request_events: all
identities:
  - {name: root, token: ${testToken}, roles: [admin], names: ["*"]}
  - {name: bob, token: ${canaries.token}, roles: [agent, consumer], names: ["*"], targets: ["*:*"]}
`,
  );
  const server = await startServer(t, ['--config', file, '--log-level', 'debug'], {
    env: { SALLYPORT_TOKEN: undefined },
  });
  const { port } = server;
  const url = `http://127.0.0.1:${port}`;
  const told: Record<string, string> = {};
  const basic = (secret: string): string =>
    `Basic ${Buffer.from(`bob:${secret}`).toString('base64')}`;

  const right = { headers: { authorization: `Bearer ${canaries.token}` } };
  const desk = startReverse(t, { url }, 'desk', echo.address, right);
  await desk.established();
  const visitor = await visit(t, { url }, 'desk', { authorization: basic(canaries.token) });
  visitor.socket.close();
  for (const authorization of [`Bearer ${canaries.wrong}`, basic(canaries.wrong)]) {
    const refused = visit(t, { url }, 'desk', { authorization }).then(() => 'let in', String);
    told[`callback ${authorization.slice(0, 5)}`] = await refused;
  }

  for (const secret of [canaries.token, canaries.wrong]) {
    const options = { headers: { authorization: basic(secret) } };
    const tunnel = new WebSocket(`ws://127.0.0.1:${port}/tunnel/${echo.address}`, options);
    t.after(() => tunnel.terminate());
    const came = await Promise.race([
      once(tunnel, 'open').then(() => 'let in'),
      once(tunnel, 'unexpected-response').then(() => 'refused'),
    ]);
    assert.equal(came, secret === canaries.token ? 'let in' : 'refused');
  }

  const gate = await joinPeer(t, port, 'gate', canaries.token);
  const other = await connectPeer(t, port);
  other.send(HANDSHAKE, { Version: '0.1', Name: 'liar', Key: canaries.wrong });
  told.hubble = JSON.stringify((await other.hear(ACK)).bytes.toString('latin1'));
  const session = { GUID: 'f47ac10b-58cc-4372-a567-0e02b2c3d479', Key: canaries.key };
  gate.send(INITIATOR, { ...session, Gatename: 'nobody', RemoteHost: '10.0.0.1', RemotePort: 22 });
  told['hubble session'] = (await gate.hear(ACK, session.GUID)).bytes.toString('latin1');

  const agents = [canaries.named, canaries.open];
  for (const token of agents) await playAgent(t, { port }, { token });
  const paths = [`/_token/${canaries.named}x/`, `/_token/${canaries.absent}/`];
  for (const path of paths)
    told[`page of ${paths.indexOf(path)}`] = (await ask({ port, path })).text;
  const headers = { 'X-Token': canaries.absent };
  told['page by field'] = (await ask({ port, path: '/', headers })).text;

  for (const path of ['agents', 'services', 'routes', 'streams', 'config', 'events/recent']) {
    const admin = { authorization: `Bearer ${testToken}` };
    const { status, text } = await ask({ port, path: `/api/v1/${path}`, headers: admin });
    assert.equal(status, 200, text);
    told[path] = text;
  }
  assert.equal(told.agents.match(/"session":/g)?.length, 4, told.agents);
  await server.program.end('SIGTERM');
  told.output = server.program.out() + server.program.err();
  for (const word of ['callback', '/tunnel/', 'hubble', 'wstunnel'])
    assert.ok(told.output.includes(word), word);
  for (const [place, text] of Object.entries(told)) {
    for (const [what, secret] of parts)
      assert.ok(!text.includes(secret), `${what} stands in ${place}:\n${text}`);
  }
});
