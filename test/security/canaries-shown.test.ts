/**
 * T34 for what operators and their programs read: secrets of every kind, in a server that uses all it
 * has, looked for in lists, events, metrics, webhooks, commands, error bodies and arguments.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { operationIds, operations, pathOf, type Operation } from '../../src/control/operations.ts';
import { temporaryFile } from '../support/files.ts';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { startAuthService } from '../support/auth-service.ts';
import { startService as startDecider } from '../support/policies.ts';
import { runProgram } from '../support/program.ts';
import { startServer, startService, type Server } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';
import { receiveWebhooks } from '../support/webhook-receiver.ts';

const canaries = {
  admin: 'sp_canary-of-the-token-of-an-admin',
  agent: 'sp_canary-of-the-token-of-an-agent',
  wrong: 'sp_canary-of-a-wrong-token',
  bearer: 'canary-of-a-bearer-for-a-service',
  rendezvous: 'canary-of-a-rendezvous-token',
  password: 'canary-of-a-password',
  wrongPassword: 'canary-of-a-wrong-password',
  key: 'canary-of-a-consumer-key',
  cookie: 'canary-of-a-cookie',
  xHost: 'canary-of-an-x-host',
  proxyField: 'canary-of-a-proxy-field',
  webhook: 'canary-of-a-webhook-url',
  signature: 'canary-of-a-webhook-secret',
  external: 'canary-of-the-url-of-an-authenticator',
  policy: 'canary-of-the-url-of-a-policy',
  answered: 'canary-of-an-answer',
  brokenConfig: 'canary-of-a-broken-configuration',
};

const basic = (password: string): string =>
  `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;

/** As they travel, too. */
const spelt = Object.entries(canaries).flatMap(([what, secret]) => [
  [what, secret] as const,
  [`${what} in base64`, basic(secret).slice('Basic '.length + 8, -4)] as const,
]);

/** A server with everything that has a secret, and an agent of two services. */
async function startSecretive(t: TestContext) {
  const receiver = await receiveWebhooks(t, canaries.signature);
  const sso = await startAuthService(t);
  const decider = await startDecider(t, (request, response) => {
    request.resume();
    response.writeHead(500).end(canaries.answered);
  });
  const text = `request_events: all
identities:
  - {name: root, token: ${canaries.admin}, roles: [admin, consumer], names: ["*"]}
  - {name: bob, token: ${canaries.agent}, roles: [agent], names: ["*"]}
webhooks:
  - {url: "${receiver.url}?${canaries.webhook}", secret: ${canaries.signature}}
  - {url: "http://127.0.0.1:1/${canaries.webhook}", secret: ${canaries.signature}}
authenticators:
  - {name: sso, type: external, url: "${sso.url}/${canaries.external}", roles: [consumer], names: ["*"]}
  - {name: gone, type: external, url: "http://127.0.0.1:1/${canaries.external}", roles: [consumer], names: ["*"]}
  - {name: jwt, type: jwt, jwks_url: "http://127.0.0.1:1/${canaries.external}", issuer: i, audience: a, roles: [consumer], names: ["*"]}
services:
  - {name: private, authenticators: [jwt, sso, gone]}
policy:
  - rules:
      - {actions: connect, effect: ask}
      - {actions: [register, http, control], effect: allow}
  - http: ${new URL(`/${canaries.policy}`, decider).href}
`;
  const file = temporaryFile(t, 'server.yaml', text);
  const server = await startServer(t, ['--config', file, '--log-level', 'debug'], {
    env: { SALLYPORT_TOKEN: undefined },
  });
  const origin = await startOrigin(t);
  const agents = await Promise.all(
    ['web', 'private'].map((name) =>
      startService(t, server, ['http', origin.address, '--name', name, '--log-level', 'debug'], {
        env: {
          SALLYPORT_TOKEN: canaries.agent,
          ...(name === 'web' && {
            SALLYPORT_RENDEZVOUS_TOKEN: canaries.rendezvous,
            SALLYPORT_AUTH: `ann:${canaries.password}`,
          }),
        },
      }),
    ),
  );
  return { server, file, text, receiver, agents };
}

/** Uses every secret, right and wrong; what is answered. */
async function useAll(t: TestContext, { port }: Server): Promise<string[]> {
  const fields = {
    cookie: `id=${canaries.cookie}`,
    'x-host': `https://ann:${canaries.xHost}@internal.example/`,
    'proxy-authorization': basic(canaries.proxyField),
  };
  const pages: string[] = [];
  const get = async (host: string, authorization?: string, path = '/'): Promise<void> => {
    const headers = { ...fields, ...(authorization !== undefined && { authorization }) };
    pages.push((await ask({ port, host, headers, path })).text);
  };
  await get('web.localhost', basic(canaries.password));
  await get('web.localhost', basic(canaries.wrongPassword));
  await get('private.localhost', `Bearer ${canaries.bearer}`);
  await get('localhost', undefined, `/_token/${canaries.rendezvous}/`);
  await get('localhost', undefined, `/_token/${canaries.rendezvous}-not/`);
  await get('localhost', `Bearer ${canaries.wrong}`, '/api/v1/status');
  await get('localhost', basic(canaries.wrong), `/api/v1/status`);
  const { out, err } = await runProgram(t, ['connect', 'web', '--key', canaries.key], {
    env: { SALLYPORT_SERVER: `ws://127.0.0.1:${port}`, SALLYPORT_TOKEN: canaries.admin },
  });
  pages.push(out, err);
  assert.match(err, /DENIED/, 'the service that decides failed, so it is refused');
  return pages;
}

/** Everything that can be read of the control API. */
async function readAll({ port }: Server): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const id of operationIds) {
    const { method, content }: Operation = operations[id];
    if (method !== 'get' || content.type === 'events') continue;
    const path = `${pathOf(id)}${id === 'events.recent' ? '?limit=10000' : ''}`;
    const headers = { authorization: `Bearer ${canaries.admin}` };
    const { status, text } = await ask({ port, path, headers });
    assert.equal(status, 200, `${id}: ${text}`);
    read[id] = text;
  }
  return read;
}

/** The live stream, from the first event to the newest. */
async function followAll({ port }: Server): Promise<string> {
  const headers = { authorization: `Bearer ${canaries.admin}`, 'last-event-id': '0' };
  const response = await open({ port, path: pathOf('events.follow'), headers });
  let stream = '';
  for await (const piece of response) {
    stream += String(piece);
    if (stream.includes('config.refused')) break;
  }
  return stream;
}

/** What the commands of operators print. */
async function commandAll(t: TestContext, { port }: Server): Promise<Record<string, string>> {
  const env = { SALLYPORT_SERVER: `http://127.0.0.1:${port}`, SALLYPORT_TOKEN: canaries.admin };
  const lines = ['ls', 'ps --json', 'status', 'status --json', 'events --limit 1000'];
  lines.push('control config', 'control identities', 'control reload');
  const told = await Promise.all(
    lines.map(async (line) => {
      const { out, err } = await runProgram(t, line.split(' '), { env });
      assert.ok(`${out}${err}`.length > 5, line);
      return [line, out + err] as const;
    }),
  );
  return Object.fromEntries(told);
}

test('T34: no secret in lists, events, metrics, webhooks, commands, error bodies and arguments', async (t) => {
  const { server, file, text, receiver, agents } = await startSecretive(t);
  const pages = await useAll(t, server);
  const { brokenConfig } = canaries;
  for (const wrong of [
    `tokken: ${brokenConfig}`,
    `identities: [{name: a, token: [${brokenConfig}], roles: [agent]}]`,
    `identities: [{name: a, token_hash: ${brokenConfig}, roles: [agent]}]`,
    `webhooks: [{url: "ftp://x/${brokenConfig}", secret: ${brokenConfig.slice(0, 9)}}]`,
    `policy: [{http: "ftp://ann:${brokenConfig}@x/"}]`,
    `identities: [{name: a, token: "${brokenConfig}`,
  ]) {
    writeFileSync(file, `${wrong}\n`);
    const headers = { authorization: `Bearer ${canaries.admin}` };
    const reload = { port: server.port, method: 'POST', path: '/api/v1/reload', headers };
    const { status, text: page } = await ask(reload);
    assert.equal(status, 400, `${wrong}: ${page}`);
    pages.push(page);
  }
  const lists = await readAll(server);
  assert.match(lists['status.read'], /"configProblems":\["/);
  const commands = await commandAll(t, server);
  writeFileSync(file, text);
  await until('the webhooks have come', () => receiver.events.length > 10);
  const programs = { server: server.program, web: agents[0].program, private: agents[1].program };
  const places: Record<string, string> = { ...lists, ...commands, pages: pages.join('\n') };
  places.stream = await followAll(server);
  for (const [name, { pid }] of Object.entries(programs))
    places[`arguments of ${name}`] = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  for (const { program } of agents) await program.end('SIGTERM');
  await server.program.end('SIGTERM');
  places.webhooks = receiver.bodies.join('\n');
  for (const [name, program] of Object.entries(programs))
    places[`output of ${name}`] = program.out() + program.err();

  assert.match(places['events.recent'], /"auth.failed"[^]*"config.refused"/);
  assert.match(places['metrics.read'], /sallyport_auth_failures_total/);
  assert.ok(places['output of server'].length > 1_000 && places.webhooks.length > 1_000);
  for (const [place, shown] of Object.entries(places)) {
    for (const [what, secret] of spelt)
      assert.ok(!shown.includes(secret), `${what} stands in ${place}:\n${shown}`);
  }
});
