import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runLoad } from '../support/load.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { startClient, startServer, startService, type Server } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const tokens = {
  agent: 'sp_agent-of-the-reload-tests',
  consumer: 'sp_consumer-of-the-reload-tests',
};

const as = (who: keyof typeof tokens) => ({ env: { SALLYPORT_TOKEN: tokens[who] } });
const agent = `  - {name: agent, token: ${tokens.agent}, roles: [agent], names: ['*']}\n`;
const consumer = `  - {name: consumer, token: ${tokens.consumer}, roles: [consumer], names: ['*']}\n`;
const everybody = `identities:\n${agent}${consumer}`;

/** In one step, as careful editors and tools do it. */
function put(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

interface Configured {
  server: Server;
  file: string;
}

async function startConfigured(t: TestContext, text = everybody): Promise<Configured> {
  const file = path.join(temporaryFolder(t), 'server.yaml');
  put(file, text);
  const server = await startServer(t, ['--config', file], { env: { SALLYPORT_TOKEN: undefined } });
  return { server, file };
}

interface LogLine {
  msg: string;
  identity?: string;
  code?: string;
  changed?: string[];
  restart?: string[];
  problems?: string[];
}

/** The lines that the server has logged with this message. */
function linesOf({ program }: Server, message: string): LogLine[] {
  const lines = program.err().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LogLine).filter(({ msg }) => msg === message);
}

const changesSomething = ({ changed = [] }: LogLine): boolean => changed.length > 0;

const reloads = (server: Server): LogLine[] => linesOf(server, 'configuration reloaded');

/**
 * A second is promised, and about half of one is usual. What else a machine does while tests run may
 * add to it; that nobody noticed the change would take 10 s. Unit: milliseconds.
 */
const OUT_MS = 3_000;

/** The milliseconds until the server has ended the session of that identity, because its token is gone. */
function putOut(server: Server, identity: string): Promise<number> {
  return until(`${identity} is out`, () =>
    linesOf(server, 'detached').some(
      (line) => line.identity === identity && line.code === 'AUTH_FAILED',
    ),
  );
}

test('20 reloads under 200 requests a second: none fails', async (t) => {
  const { server, file } = await startConfigured(t);
  const origin = await startOrigin(t);
  await startService(t, server, ['http', origin.address, '--name', 'web'], as('agent'));
  const host = 'web.localhost';
  const load = runLoad({ port: server.port, host, path: '/', rate: 200, ms: 6_000 });
  for (let n = 1; n <= 20; n++) {
    const more = `  - {name: more-${n}, token: sp_another-token-${n}, roles: [agent], names: [x]}\n`;
    const rule = `policy: [{rules: [{effect: allow, name: rule-${n}}]}]\n`;
    put(file, `trusted_proxies: [192.0.2.${n}]\n${rule}${everybody}${more}`);
    server.program.kill('SIGHUP');
    await until(`reload ${n}`, () => reloads(server).filter(changesSomething).length === n);
  }
  const fates = await load;
  assert.ok(fates.length >= 1_000, `${fates.length} requests`);
  assert.deepEqual(
    fates.filter(({ status }) => status !== 200),
    [],
  );
  const changed = new Set(reloads(server).flatMap((line) => line.changed));
  assert.deepEqual(changed, new Set(['trusted_proxies', 'identities', 'policy']));
});

test('a token that is taken out of the file is out soon: agents, consumers and their streams', async (t) => {
  const { server, file } = await startConfigured(t);
  const echo = await startEcho(t);
  const words = ['tcp', echo.address, '--name', 'box'];
  const service = await startService(t, server, words, as('agent'));
  const running = startClient(t, server, ['connect', 'box'], as('consumer'));
  running.stdin.write('hello\n');
  await running.line((line) => line === 'hello' || undefined);

  put(file, `identities:\n${agent}`);
  assert.ok((await putOut(server, 'consumer')) <= OUT_MS);
  assert.equal((await running.ended()).code, 3, running.err());
  assert.match(running.err(), /AUTH_FAILED/);
  const refused = startClient(t, server, ['connect', 'box'], as('consumer'));
  assert.equal((await refused.ended()).code, 3, 'and it does not come in again');

  put(file, `identities:\n${consumer}`);
  assert.ok((await putOut(server, 'agent')) <= OUT_MS);
  assert.equal((await service.program.ended()).code, 3);
  assert.match(service.program.err(), /AUTH_FAILED/);
});

test('a token that is known again works at once', async (t) => {
  const { server, file } = await startConfigured(t);
  const echo = await startEcho(t);
  const words = ['tcp', echo.address, '--name', 'box', '--keep-trying'];
  const service = await startService(t, server, words, as('agent'));
  put(file, `identities:\n${consumer}`);
  await service.program.logLine((line) => line.includes('AUTH_FAILED') || undefined);
  put(file, everybody);
  await until('the agent is back', async () => {
    const client = startClient(t, server, ['connect', 'box'], as('consumer'));
    client.stdin.end('hello');
    await client.ended();
    return client.out() === 'hello';
  });
});

test('narrower scopes: the service is taken back, and the agent says so and goes on with the others', async (t) => {
  const { server, file } = await startConfigured(t);
  const origin = await startOrigin(t);
  const folder = temporaryFolder(t);
  const services = path.join(folder, 'agent.yaml');
  put(
    services,
    `services: [{http: '${origin.address}', name: web}, {http: '${origin.address}', name: shop}]\n`,
  );
  const { program } = await startService(t, server, ['agent', '--config', services], as('agent'));
  const status = async (name: string): Promise<number> =>
    (await ask({ port: server.port, host: `${name}.localhost`, path: '/' })).status;
  await until('both are there', async () => (await status('web')) + (await status('shop')) === 400);
  put(file, `identities:\n${agent.replace("'*'", 'web')}${consumer}`);
  const line = await program.logLine((text) => (text.includes('"withdrawn"') ? text : undefined));
  assert.match(line, /"service":"shop","code":"DENIED"/);
  assert.deepEqual([await status('web'), await status('shop')], [200, 404]);
});

test('a file that cannot be used keeps the old one, and every problem is told with its place', async (t) => {
  const { server, file } = await startConfigured(t);
  const echo = await startEcho(t);
  await startService(t, server, ['tcp', echo.address, '--name', 'box'], as('agent'));
  put(file, `trusted_proxys: [10.0.0.0/8]\nidentities:\n${agent.replace('[agent]', '[agnet]')}`);
  const refused = 'configuration not reloaded; the old one stays';
  await until('it is refused', () => linesOf(server, refused).length === 1);
  const [{ problems = [] }] = linesOf(server, refused);
  assert.match(problems[0], new RegExp(`^${file}:1:1: trusted_proxys: is no option here`));
  assert.match(problems[1], new RegExp(`^${file}:3:\\d+: identities\\[0\\]\\.roles\\[0\\]: `));
  const client = startClient(t, server, ['connect', 'box'], as('consumer'));
  client.stdin.end('still');
  assert.equal((await client.ended()).code, 0);
  assert.equal(client.out(), 'still');
  rmSync(file);
  await until('its absence is told', () => linesOf(server, refused).length === 2);
  put(file, everybody);
  await until('the next good one is taken', () => reloads(server).length === 1);
});

test('SIGHUP has it read again, and is answered also when nothing is different', async (t) => {
  const { server } = await startConfigured(t);
  server.program.kill('SIGHUP');
  await until('it is answered', () => reloads(server).length === 1);
  assert.deepEqual(reloads(server)[0].changed, []);
  server.program.kill('SIGHUP');
  await until('each time', () => reloads(server).length === 2);
});

test('what needs a restart is named, and nothing of it happens', async (t) => {
  const { server, file } = await startConfigured(t);
  put(file, `domain: other.test\nlisten: 127.0.0.1:1\n${everybody}access_log: false\n`);
  const message = 'configuration reloaded; some of it needs a restart';
  await until('it is told', () => linesOf(server, message).length === 1);
  const [{ changed, restart }] = linesOf(server, message);
  assert.deepEqual(changed, ['access_log']);
  // The flag of the test wins over the file's `listen`.
  assert.deepEqual(restart, ['domain']);
});

test('the level of the log changes, and the access log with it', async (t) => {
  const { server, file } = await startConfigured(t);
  const request = (): Promise<unknown> =>
    ask({ port: server.port, host: 'nothing.localhost', path: '/' });
  await request();
  await until('it is logged', () => linesOf(server, 'request').length === 1);
  // A warning shows when it has been taken over.
  put(file, `log_level: warn\ndomain: other.test\n${everybody}`);
  const message = 'configuration reloaded; some of it needs a restart';
  await until('it is taken over', () => linesOf(server, message).length === 1);
  await request();
  put(file, `log_level: info\n${everybody}`);
  await until('and back', () => reloads(server).length === 1);
  await request();
  await until('the last request is logged', () => linesOf(server, 'request').length > 1);
  assert.equal(linesOf(server, 'request').length, 2, 'the one in between is not');
});

test('Kubernetes: the file and a token’s file are swapped by links', async (t) => {
  const mount = temporaryFolder(t);
  const version = (name: string, token: string): void => {
    mkdirSync(path.join(mount, name));
    const yaml = `identities:\n  - {name: agent, token: "file:token", roles: [agent], names: ['*']}\n`;
    writeFileSync(path.join(mount, name, 'server.yaml'), yaml);
    writeFileSync(path.join(mount, name, 'token'), `${token}\n`, { mode: 0o600 });
    symlinkSync(name, path.join(mount, '..data_tmp'));
    renameSync(path.join(mount, '..data_tmp'), path.join(mount, '..data'));
  };
  version('..2026_01', tokens.agent);
  for (const name of ['server.yaml', 'token'])
    symlinkSync(path.join('..data', name), path.join(mount, name));
  const server = await startServer(t, ['--config', path.join(mount, 'server.yaml')], {
    env: { SALLYPORT_TOKEN: undefined },
  });
  const echo = await startEcho(t);
  const words = ['tcp', echo.address, '--name', 'box'];
  const service = await startService(t, server, words, as('agent'));
  version('..2026_02', tokens.consumer);
  rmSync(path.join(mount, '..2026_01'), { recursive: true });
  assert.ok((await putOut(server, 'agent')) <= OUT_MS);
  assert.equal((await service.program.ended()).code, 3);
  await startService(t, server, words, as('consumer'));
});
