/** Hostile datagrams against a server as it runs: they cost its two processes little, and clients nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { QUIC_PROTOCOL } from '../../src/attach/quic-greeting.ts';
import { composeConsumer, runAgent, service } from '../support/composition.ts';
import { makeCertificate, temporaryFile } from '../support/files.ts';
import { memoryOf } from '../support/program.ts';
import { abandonedInitials, malformed, sendAll } from '../support/quic-hostility.ts';
import { ECHO_SEED, echoOn } from '../support/quic-road.ts';
import { startEcho } from '../support/tcp-targets.ts';
import { startServer, testToken } from '../support/tunnel.ts';
import { within } from '../support/wait.ts';

const MB = 1024 * 1024;
const GROWTH_MAX_BYTES = 64 * MB;
const long = process.env['SALLYPORT_TEST_LONG'] === '1';
const handshakes = long ? 5_000 : 1_500;
const datagrams = long ? 20_000 : 6_000;

/** A server process with QUIC, and clients of it in this one. */
async function stage(t: TestContext) {
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1');
  const files = ['cert', cert, 'key', key];
  const [certFile, keyFile] = [files.slice(0, 2), files.slice(2)].map(([name, pem]) =>
    temporaryFile(t, `${name}.pem`, pem),
  );
  const flags = ['--tls-cert', certFile, '--tls-key', keyFile, '--quic-listen', '127.0.0.1:0'];
  const server = await startServer(t, flags);
  const { pid } = server.program;
  const port = await server.program.logLine((line) => {
    const found = /QUIC is served/.test(line) ? /127\.0\.0\.1:(\d+)/.exec(line) : null;
    return found === null ? undefined : Number(found[1]);
  });
  const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  const options = {
    server: new URL(`https://127.0.0.1:${server.port}`),
    token: testToken,
    wayOut: { tls: { ca: cert }, quic: { host: '127.0.0.1', port } },
    transport: 'quic' as const,
  };
  const echo = await startEcho(t);
  const agent = runAgent(t, server, [service('echo', echo.address)], options);
  await agent.ready();
  const attach = async () => {
    const consumer = composeConsumer(t, server, options);
    await within(10_000, consumer.attach(new AbortController().signal), 'a session');
    return consumer;
  };
  return { pid, child, port, agent, attach };
}

for (const [what, hostility] of [
  [
    `${handshakes} abandoned handshakes`,
    (t: TestContext) => abandonedInitials(t, handshakes, QUIC_PROTOCOL),
  ],
  [
    `${datagrams} malformed datagrams`,
    () => Array.from({ length: datagrams }, (_, i) => malformed(i)),
  ],
] as const)
  test(`${what}: sessions beside them lose nothing, newcomers get in, memory stays`, async (t) => {
    const { pid, child, port, agent, attach } = await stage(t);
    const consumer = await attach();
    const warm = echoOn(consumer, 'echo');
    await warm.push(ECHO_SEED, 16 * MB);
    await warm.ended();
    const hostile = await hostility(t);
    const before = [memoryOf(pid), memoryOf(child)];
    const beside = echoOn(consumer, 'echo');
    const pushed = beside.push(ECHO_SEED, 16 * MB);
    await sendAll(t, hostile, port);
    const newcomer = echoOn(await attach(), 'echo');
    await newcomer.push(ECHO_SEED, MB);
    await newcomer.ended();
    await pushed;
    await beside.ended();
    assert.deepEqual([beside.received, newcomer.received], [16 * MB, MB]);
    assert.deepEqual(agent.losses, []);
    const grown = [memoryOf(pid) - before[0], memoryOf(child) - before[1]];
    t.diagnostic(`server and child grew by ${grown.map((n) => (n / MB).toFixed(1)).join(', ')} MB`);
    for (const bytes of grown) assert.ok(bytes < GROWTH_MAX_BYTES, `${bytes} bytes more`);
  });
