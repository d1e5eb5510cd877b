/** A server with a policy, its agents and consumers, as processes. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram } from '../support/program.ts';
import { startClient, startServer, startService, testToken } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

const looping = `
function connect(request)
  while true do end
end`;

/** A server whose policy lets everything of "free-*" pass, and has a script asked about the rest. */
async function startGuarded(t: TestContext, script: string) {
  const lua = temporaryFile(t, 'access.lua', script);
  const file = temporaryFile(
    t,
    'server.yaml',
    `token: ${testToken}
policy:
  - rules:
      - name: no vaults
        actions: register
        services: vault
        effect: deny
      - actions: register
        effect: allow
      - services: free-*
        effect: allow
      - effect: ask
  - lua: ${lua}
`,
  );
  const server = await startServer(t, ['--config', file, '--drain-grace', '0ms']);
  return { server, lua, file };
}

test('an agent is told why it may not offer a service', async (t) => {
  const { server } = await startGuarded(t, looping);
  const agent = startClient(t, server, ['http', '1', '--name', 'vault']);
  assert.equal((await agent.ended()).code, 3);
  assert.match(
    agent.err(),
    /DENIED: register service vault: policy\[0\]\.rules\[0\] .*no vaults.* denies it/,
  );
});

test('the script decides about what the rules leave, by key; a new script is taken over', async (t) => {
  const byKey = (key: string): string =>
    `function connect(request) return request:key() == "${key}", "by its key" end`;
  const { server, lua } = await startGuarded(t, byKey('first'));
  const origin = await startOrigin(t);
  await startService(t, server, ['tcp', origin.address, '--name', 'box']);
  const request = 'GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const connect = (key: string) =>
    runProgram(t, ['connect', 'box', '--server', `ws://127.0.0.1:${server.port}`], {
      env: { SALLYPORT_TOKEN: testToken, SALLYPORT_KEY: key },
      input: request,
    });
  assert.match((await connect('first')).out, /^HTTP\/1\.1 200/);
  const refused = await connect('CANARY');
  assert.equal(refused.code, 3);
  assert.match(refused.err, /DENIED: service box: policy\[1\] access\.lua denies it: by its key/);

  fs.writeFileSync(lua, byKey('second'));
  await server.program.logLine((line) =>
    line.includes('configuration reloaded') ? line : undefined,
  );
  assert.match((await connect('second')).out, /^HTTP\/1\.1 200/);
  assert.equal((await connect('first')).code, 3);

  fs.writeFileSync(lua, 'function connect(');
  await server.program.logLine((line) => (line.includes('not reloaded') ? line : undefined));
  assert.match((await connect('second')).out, /^HTTP\/1\.1 200/);
  assert.doesNotMatch(server.program.err() + server.program.out(), /CANARY/);
});

describe('a script that loops', () => {
  test('refuses what it was asked about, and delays nothing that a rule allows', async (t) => {
    const { server } = await startGuarded(t, looping);
    const origin = await startOrigin(t);
    for (const name of ['free-web', 'asked'])
      await startService(t, server, ['http', origin.address, '--name', name]);
    const { port } = server;
    const get = (name: string) => ask({ port, host: `${name}.localhost`, path: '/whoami' });

    /** The median, of as many requests as `enough` asks for. */
    const median = async (enough: (count: number) => boolean): Promise<number> => {
      const times: number[] = [];
      while (!enough(times.length)) {
        const { status, ms } = await get('free-web');
        assert.equal(status, 200);
        times.push(ms);
      }
      times.sort((a, b) => a - b);
      return times[times.length >> 1];
    };
    const before = await median((count) => count === 100);

    const refusals: string[] = [];
    const over = new AbortController();
    const hammer = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const { status, text } = await get('asked');
        assert.equal(status, 403);
        refusals.push(text);
      }
    };
    const hammers = Array.from({ length: 4 }, hammer);
    await until('the script loops', () => refusals.length > 4);
    const meanwhile = await median(
      (count) => count >= 100 && (refusals.length >= 12 || count === 10_000),
    );
    over.abort();
    await Promise.all(hammers);
    assert.ok(refusals.length >= 12, `${refusals.length} refusals meanwhile`);
    for (const text of refusals) assert.doesNotMatch(text, /access\.lua|processor/);
    const logged = /"service":"asked".*100 ms of processor time"/g;
    await until('the log has why', () => (server.program.err().match(logged) ?? []).length >= 12);
    // Were they delayed by the script, it would be by its 100 ms each time. Its threads do take a part of the machine.
    const most = 50 + 4 * before;
    assert.ok(meanwhile < most, `half of the requests took ${meanwhile} ms, before ${before} ms`);
  });
});
