/** What operators read, of servers and names that mean them harm. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { runProgram } from '../support/program.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { startServer, startService, testToken, tokenInEnvironment } from '../support/tunnel.ts';

test('T34: names with CR, LF and ESC forge no line and move no cursor in what commands print', async (t) => {
  const evil = '\u001b[2J\u001b]0;owned\u0007\r\nforged  line\u202e';
  const client = { session: evil, identity: evil, peer: evil, protocol: evil, program: evil };
  const numbers = { attachedAt: 1, rttMs: 1, streams: 1 };
  const answers: Record<string, object> = {
    '/api/v1/agents': { ...client, ...numbers, services: [evil] },
    '/api/v1/services': {
      service: evil,
      kind: 'http',
      present: true,
      exclusive: null,
      balance: 'round-robin',
      upstreams: [{ session: evil, streams: 1 }],
      urls: [evil],
    },
    '/api/v1/streams': {
      stream: evil,
      service: evil,
      kind: 'tcp',
      consumer: evil,
      identity: evil,
      target: evil,
      session: evil,
      openedAt: 1,
      bytesUp: 1,
      bytesDown: 1,
    },
    '/api/v1/events/recent': { seq: 1, time: 1, type: evil, [evil]: evil, list: [evil] },
    '/api/v1/routes': { by: 'host', host: evil, path: evil, port: 1, service: evil },
  };
  const server = createServer(({ url = '' }, response) => {
    const item = answers[url.split('?')[0]];
    const error = { code: 'DENIED', hop: 'server', message: evil, advice: evil };
    response.statusCode = item === undefined ? 403 : 200;
    response.end(
      JSON.stringify(
        item === undefined ? { error } : { run: 'a1', seq: 1, total: 1, items: [item] },
      ),
    );
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const env = { ...tokenInEnvironment, SALLYPORT_SERVER: `http://127.0.0.1:${port}` };
  const commands = [
    ['ls'],
    ['ls', '--json'],
    ['ps'],
    ['ps', '--json'],
    ['events'],
    ['events', '--json'],
    ['control', 'routes'],
    ['status'],
    ['kick', 'agent', 's1'],
    ['status', '--json'],
  ];
  for (const words of commands) {
    const { out, err } = await runProgram(t, words, { env });
    const shown = `${out}${err}`;
    assert.ok(shown.length > 10, words.join(' '));
    // oxlint-disable-next-line no-control-regex -- these are the characters to find
    assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/, words.join(' '));
    assert.doesNotMatch(shown, /^forged/m, words.join(' '));
  }
});

test('T34: no credential is in what operators read', async (t) => {
  const file = temporaryFile(
    t,
    'server.yaml',
    `identities:
  - { name: root, token: ${testToken}, roles: [admin, agent], names: ['*'] }
`,
  );
  const server = await startServer(t, ['--config', file], { env: { SALLYPORT_TOKEN: undefined } });
  const echo = await startEcho(t);
  const canary = 'canary-rendez-vous-token';
  await startService(t, server, [
    'http',
    echo.address,
    '--name',
    'web',
    '--rendezvous-token',
    canary,
    '--auth',
    `ann:${canary}`,
  ]);
  for (const path of [
    'status',
    'agents',
    'services',
    'routes',
    'identities',
    'config',
    'events/recent',
  ]) {
    const headers = { authorization: `Bearer ${testToken}` };
    const { status, text } = await ask({ port: server.port, path: `/api/v1/${path}`, headers });
    assert.equal(status, 200, path);
    assert.ok(!text.includes(testToken) && !text.includes(canary), path);
  }
});
