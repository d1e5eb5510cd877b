import assert from 'node:assert/strict';
import type http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { JwtOptions } from '../../src/access/authenticate/jwt-authenticator.ts';
import { startAuthService } from '../support/auth-service.ts';
import { composeConsumer, composeServer, runAgent, service } from '../support/composition.ts';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { ISSUER, startIssuer, type Issuer } from '../support/issuer.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { startServer, startService, testToken } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

const company = ({ url }: Issuer, changed: Partial<JwtOptions> = {}): JwtOptions => ({
  type: 'jwt',
  name: 'company',
  issuer: ISSUER,
  audience: ['sallyport'],
  keysUrl: url,
  roles: ['consumer'],
  names: ['*'],
  ...changed,
});

const seconds = (): number => Math.floor(Date.now() / 1000);
const host = 'web.localhost';

test('an agent attaches with a token of the company, and not with a forged one', async (t) => {
  const issuer = await startIssuer(t);
  const server = await composeServer(t, {
    authenticators: [company(issuer, { roles: ['agent'] })],
  });
  const echo = await startEcho(t);
  const token = await issuer.token({ sub: 'box-7' });
  const forged = runAgent(t, server.address, [service('a', echo.address)], {
    token: `${token.slice(0, -6)}AAAAAA`,
  });
  await assert.rejects(forged.running, { code: 'AUTH_FAILED' });
  const agent = runAgent(t, server.address, [service('b', echo.address)], { token });
  await agent.ready();
  const up = server.events.since(0)!.find(({ type }) => type === 'client.up');
  assert.equal(up !== undefined && 'identity' in up && up.identity, 'company:box-7');
});

test('while the issuer cannot be reached clients come again, and come in once it is back', async (t) => {
  const issuer = await startIssuer(t);
  issuer.answer = (_, response) => void response.writeHead(503).end();
  const server = await composeServer(t, {
    authenticators: [company(issuer, { roles: ['agent'] })],
  });
  const echo = await startEcho(t);
  const token = await issuer.token();
  const agent = runAgent(t, server.address, [service('box', echo.address)], { token });
  await until('it was told to come again', () => agent.losses.includes('AUTH_UNAVAILABLE'));
  issuer.answer = null;
  await agent.ready();
});

test('what came in by a token ends with it', async (t) => {
  const issuer = await startIssuer(t);
  const server = await composeServer(t, { authenticators: [company(issuer, { leewayMs: 0 })] });
  const echo = await startEcho(t);
  await runAgent(t, server.address, [service('box', echo.address)]).ready();
  const token = await issuer.token({ exp: seconds() + 4 });
  const consumer = composeConsumer(t, server.address, { token });
  await consumer.attach(new AbortController().signal);
  const down = (): boolean =>
    server.events
      .since(0)!
      .some((event) => event.type === 'client.down' && event.identity === 'company:ann');
  const took = await until('the session ended', down, 15_000);
  assert.ok(took < 12_000, `${took} ms after a token of 4 s`);
});

async function startWeb(t: TestContext, issuer: Issuer, servicesUrl: string) {
  const server = await composeServer(t, {
    authenticators: [
      company(issuer),
      { type: 'external', name: 'sso', url: servicesUrl, roles: ['consumer'], names: ['web'] },
    ],
    services: [{ name: 'w*', authenticators: ['company', 'sso'] }],
  });
  const origin = await startOrigin(t);
  const echo = await startEcho(t);
  const agent = runAgent(t, server.address, [
    service('web', origin.address, { kind: 'http' }),
    service('open', origin.address, { kind: 'http' }),
    service('wire', echo.address, { port: 0 }),
  ]);
  await agent.ready();
  const { port } = server.address;
  const get = (authorization?: string, more = {}) =>
    ask({ port, host, headers: authorization === undefined ? {} : { authorization }, ...more });
  return { server, origin, agent, get };
}

test('a service lets in whom the company or its own service knows, and answers 401 to others', async (t) => {
  const issuer = await startIssuer(t);
  const auth = await startAuthService(t);
  const { get, origin } = await startWeb(t, issuer, auth.url);
  const bearer = `Bearer ${await issuer.token()}`;
  for (const authorization of [bearer, 'Bearer right', bearer]) {
    const reply = await get(authorization);
    assert.equal(reply.status, 200);
  }
  assert.ok(origin.heads.every((head) => !/authorization/i.test(head)));
  for (const authorization of [undefined, 'Bearer wrong', `Bearer ${testToken}`]) {
    const reply = await get(authorization);
    assert.equal(reply.status, 401, String(authorization));
    assert.match(
      reply.headers['www-authenticate']!,
      /^Bearer realm="sallyport", Basic realm="sallyport", charset="UTF-8"$/,
    );
  }
  const posted = await get('Bearer right', {
    method: 'POST',
    path: '/digest',
    body: 'x'.repeat(99_999),
  });
  assert.equal(posted.status, 200);
  assert.equal((await get(undefined, { host: 'open.localhost' })).status, 200);
});

test('a public port of such a service is closed to everybody', async (t) => {
  const issuer = await startIssuer(t);
  const auth = await startAuthService(t);
  const { server, agent } = await startWeb(t, issuer, auth.url);
  const socket = net.connect(agent.assigned.get('wire')!.port!, '127.0.0.1');
  socket.on('error', () => {});
  const closed = new Promise((resolve) => void socket.on('close', resolve));
  await within(5_000, closed, 'the end of the connection');
  const refused = server.events.since(0)!.filter(({ type }) => type === 'stream.refused');
  assert.deepEqual(
    refused.map((event) => 'code' in event && event.code),
    ['CONSUMER_AUTH'],
  );
});

test('what is remembered of a token does not outlive a reload that takes its issuer out', async (t) => {
  const issuer = await startIssuer(t);
  const auth = await startAuthService(t);
  const { server, get } = await startWeb(t, issuer, auth.url);
  const bearer = `Bearer ${await issuer.token()}`;
  assert.equal((await get(bearer)).status, 200);
  const identities = [
    { name: 'late', token: 'sp_late', roles: ['consumer' as const], names: ['*'] },
  ];
  server.reload({ identities, services: [{ name: 'w*', authenticators: ['tokens'] }] });
  assert.equal((await get(bearer)).status, 401);
  assert.throws(
    () => server.reload({ identities, services: [{ name: 'w*', authenticators: ['company'] }] }),
    { code: 'CONFIG_INVALID' },
  );
});

test('client certificates: an agent and a consumer are known by theirs', async (t) => {
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const [own, agents, consumers, stranger] = await Promise.all(
    ['127.0.0.1', 'agent-7', 'ann.people.test', 'agent-8'].map((name) => makeCertificate(name)),
  );
  const server = await composeServer(t, {
    identities: [],
    tls: {
      cert: write('cert.pem', own.cert),
      key: write('key.pem', own.key),
      clientCa: write('clients.pem', `${agents.cert}\n${consumers.cert}`),
    },
    authenticators: [
      {
        type: 'mtls',
        name: 'agents',
        certificates: ['CN:agent-*'],
        roles: ['agent'],
        names: ['*'],
      },
      {
        type: 'mtls',
        name: 'people',
        certificates: ['DNS:*.people.test'],
        roles: ['consumer'],
        names: ['web'],
      },
    ],
    services: [{ name: 'web', authenticators: ['people'] }],
  });
  const { port } = server.address;
  const origin = await startOrigin(t);
  const web = [service('web', origin.address, { kind: 'http' })];
  const at = (certificate: { cert: string; key: string }) => ({
    server: new URL(`wss://127.0.0.1:${port}`),
    token: '',
    wayOut: { tls: { ca: own.cert, ...certificate } },
  });
  const foreign = runAgent(t, server.address, web, at(stranger));
  await assert.rejects(foreign.running, { code: 'AUTH_REQUIRED' });
  await runAgent(t, server.address, web, at(agents)).ready();

  const get = async (certificate?: { cert: string; key: string }): Promise<number> => {
    const tls = { ca: own.cert, ...certificate, agent: false } as const;
    const headers = { host };
    const request = https.get({ host: '127.0.0.1', port, headers, servername: '', ...tls });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    return response.statusCode!;
  };
  assert.equal(await get(consumers), 200);
  assert.equal(await get(), 401);
  assert.equal(await get(agents), 401, 'vouched for by another authenticator');
  assert.equal(await get(stranger), 401);
});

test('as a command: a file with authenticators, and a warning where everybody is let in', async (t) => {
  const issuer = await startIssuer(t);
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  write('keys.json', JSON.stringify({ keys: issuer.keys }));
  const config = write(
    'server.yaml',
    `log_format: json
authenticators:
  - {name: company, type: jwt, jwks_file: keys.json, issuer: "${ISSUER}", audience: sallyport, roles: consumer, names: "*"}
  - {name: lab, type: insecure, roles: agent, names: "*"}
services:
  - {name: web, authenticators: company}
`,
  );
  const server = await startServer(t, ['--config', config]);
  const origin = await startOrigin(t);
  await startService(t, server, ['http', origin.address, '--name', 'web'], {
    env: { SALLYPORT_TOKEN: 'sp_whatever' },
  });
  const authorization = `Bearer ${await issuer.token()}`;
  const { port } = server;
  assert.equal((await ask({ port, host, headers: { authorization } })).status, 200);
  assert.equal((await ask({ port, host })).status, 401);
  assert.match(
    server.program.err(),
    /"authenticator":"lab".*lets everybody in without credentials/,
  );
  assert.ok(!server.program.err().includes(authorization.slice(7)));
});
