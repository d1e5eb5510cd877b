/** `sallyport hubble proxy` and `agent`: flags, exit codes and words of the originals. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { joinPeer, serveSessions } from '../support/hubble-peer.ts';
import { runProgram, startProgram, type Program } from '../support/program.ts';
import { connectClient, serveSockets } from '../support/service-door.ts';
import { startServer } from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

const patience = { timeout: 60_000 };
const echo = (socket: net.Socket): void => void socket.pipe(socket);

async function startProxy(
  t: TestContext,
  flags: readonly string[] = [],
  started: Program[] = [],
): Promise<number> {
  const proxy = startProgram(t, ['hubble', 'proxy', '-listen=127.0.0.1:0', ...flags]);
  started.push(proxy);
  return proxy.logLine((line) => {
    const port = /Start listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    return port === undefined ? undefined : Number(port);
  });
}

/** Connected; gives the port of its one rule, which asks for a free one. */
async function startAgent(
  t: TestContext,
  port: number,
  name: string,
  words: readonly string[] = [],
  started: Program[] = [],
): Promise<number | null> {
  const flags = ['-url', `ws://127.0.0.1:${port}`, '--name', name, '-bind', '127.0.0.1'];
  const agent = startProgram(t, ['hubble', 'agent', ...flags, ...words]);
  started.push(agent);
  await agent.logLine((line) => line.includes('"msg":"connected"') || undefined);
  const listening = /Listening on dynamic port (\d+)/.exec(agent.err())?.[1];
  return listening === undefined ? null : Number(listening);
}

async function echoes(t: TestContext, port: number): Promise<boolean> {
  const client = connectClient(t, { port });
  client.socket.end('hello');
  await within(
    10_000,
    client.ended.catch(() => {}),
    'the end',
  );
  return client.received().toString() === 'hello';
}

test('a proxy and two agents, as the manual of the original starts them', patience, async (t) => {
  const target = await serveSockets(t, echo);
  const port = await startProxy(t);
  await startAgent(t, port, 'agent2');
  const local = await startAgent(t, port, 'agent1', [`0:agent2:127.0.0.1:${target}`]);
  assert.ok(await echoes(t, local!));
});

test(
  'a script decides: by the key of the rule, asking a web service as the example of the original does',
  patience,
  async (t) => {
    const asked: string[] = [];
    const service = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(request.url!.endsWith('key=let+me+in%21') ? 200 : 404).end();
    });
    await once(service.listen(0, '127.0.0.1'), 'listening');
    t.after(() => service.close());
    const script = temporaryFile(
      t,
      'auth.lua',
      `local http = require("http")
local function escaped(text)
  text = string.gsub(text, "([^%w %-%_%.%~])", function(c) return string.format("%%%02X", string.byte(c)) end)
  return (string.gsub(text, " ", "+"))
end
function connect(request)
  local response, err = http.get("http://127.0.0.1:${(service.address() as AddressInfo).port}/authorize"
    .. "?ip=" .. escaped(request:ip()) .. "&port=" .. escaped(tostring(request:port()))
    .. "&gatename=" .. escaped(request:gatename()) .. "&key=" .. escaped(request:key()))
  if err then error(err) end
  return response.status_code == 200
end
`,
    );
    const target = await serveSockets(t, echo);
    const port = await startProxy(t, ['-authlua', script]);
    serveSessions(await joinPeer(t, port, 'agent2'));
    const rule = `agent2:127.0.0.1:${target}`;
    const right = await startAgent(t, port, 'a', [`0:let me in!@${rule}`]);
    assert.ok(await echoes(t, right!));
    const wrong = await startAgent(t, port, 'b', [`0:${rule}`]);
    assert.equal(await echoes(t, wrong!), false);
    const where = `/authorize?ip=127.0.0.1&port=${target}&gatename=agent2&key=`;
    assert.deepEqual(asked, [`${where}let+me+in%21`, where]);
  },
);

test(
  '-authdeny wins over the others, agents connect all the same; a script that fails refuses',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const script = temporaryFile(t, 'auth.lua', 'function connect(request) error("no") end');
    for (const [flags, why] of [
      [['-authgrant', '-authdeny'], /"outcome":"DENIED","error":"service agent2: -authdeny/],
      [['-authlua', script], /"outcome":"DENIED","error":"[^"]*auth\.lua gave no answer: [^"]*no"/],
    ] as const) {
      const started: Program[] = [];
      const port = await startProxy(t, flags, started);
      await startAgent(t, port, 'agent2');
      const local = await startAgent(t, port, 'agent1', [`0:agent2:127.0.0.1:${target}`]);
      assert.equal(await echoes(t, local!), false);
      await until('the proxy says why', () => why.test(started[0].err()));
    }
  },
);

test('-keyfile asks every agent for its key, and keys are in no log', patience, async (t) => {
  const target = await serveSockets(t, echo);
  const file = temporaryFile(t, 'key', 'a-key-that-nobody-guesses\n');
  const started: Program[] = [];
  const port = await startProxy(t, ['-keyfile', file], started);
  await startAgent(t, port, 'agent2', ['-keyfile', file], started);
  const words = ['-key', 'a-key-that-nobody-guesses', `0:rule-key@agent2:127.0.0.1:${target}`];
  const local = await startAgent(t, port, 'agent1', words, started);
  assert.ok(await echoes(t, local!));
  const flags = ['-url', `ws://127.0.0.1:${port}`, '-name', 'other'];
  const other = startProgram(t, ['hubble', 'agent', ...flags]);
  await other.logLine((line) => line.includes('AUTH_REQUIRED') || undefined);
  await until('the session is logged', () =>
    started.every((program) => program.err().includes('"outcome":"ok"')),
  );
  const told = started.map((program) => program.err()).join('');
  assert.doesNotMatch(told, /a-key-that-nobody-guesses|rule-key/);
});

test(
  'a server speaks Hubble where its configuration says so, to agents with its tokens',
  patience,
  async (t) => {
    const target = await serveSockets(t, echo);
    const token = 'sp_token-of-a-server-that-speaks-hubble';
    const server = await startServer(t, ['--compat', 'hubble'], {
      env: { SALLYPORT_TOKEN: token },
    });
    await startAgent(t, server.port, 'agent2', ['-key', token, '-allow', `127.0.0.1:${target}`]);
    const rule = `0:agent2:127.0.0.1:${target}`;
    const local = await startAgent(t, server.port, 'agent1', ['-key', token, rule]);
    assert.ok(await echoes(t, local!));
    const url = `ws://127.0.0.1:${server.port}`;
    const stranger = startProgram(t, ['hubble', 'agent', '-url', url, '-name', 'stranger']);
    await stranger.logLine((line) => line.includes('AUTH_REQUIRED') || undefined);
    await until('no key is in a log', () => !server.program.err().includes(token));
  },
);

test('exit codes, help and mistakes are those of the originals', patience, async (t) => {
  const run = (...words: string[]) => runProgram(t, ['hubble', ...words]);
  const url = ['-url', 'ws://127.0.0.1:1', '-name', 'a'];
  for (const [words, code, says] of [
    [['proxy', '-h'], 0, /-authlua FILE/],
    [['agent', '--help'], 0, /LPORT:\[KEY@\]GATEWAY:HOST:RPORT/],
    [[], 2, /Usage: sallyport hubble proxy/],
    [['agent', '-name', 'a'], 1, /missing: -url/],
    [['agent', ...url, '70000:g:h:1'], 1, /Invalid port 70000/],
    [['agent', ...url, 'nonsense'], 1, /LPORT:\[KEY@\]GATEWAY/],
    [['agent', ...url, '-ca', '/nowhere'], 1, /ENOENT/],
    [['agent', '-url', 'nowhere', '-name', 'a'], 1, /ws:\/\/HOST:PORT/],
    [['agent', '-nonsense'], 2, /flag provided but not defined: -nonsense/],
    [['proxy', '-authlua', '/nowhere'], 1, /ENOENT/],
    [['proxy', '-listen', 'a b'], 1, /listen address/],
  ] as const) {
    const ended = await run(...words);
    assert.equal(ended.code, code, words.join(' '));
    assert.match(ended.out + ended.err, says, words.join(' '));
  }
  const taken = net.createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  assert.equal((await run('proxy', '-listen', `127.0.0.1:${port}`)).code, 1);
});
