import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { noiseBytes } from '../support/noise.ts';
import type { Program } from '../support/program.ts';
import { converse, freePort, startEcho, startTcpTarget } from '../support/tcp-targets.ts';
import {
  readForwardPort,
  startClient,
  startServer,
  startService,
  startTunnel,
} from '../support/tunnel.ts';
import { until, within } from '../support/wait.ts';

/** The ports that `forward` says it listens on, in the order of its rules. */
async function portsOf(forward: Program, count: number): Promise<number[]> {
  const ports: number[] = [];
  await forward.line((line) => {
    const port = readForwardPort(line);
    if (port !== undefined) ports.push(port);
    return ports.length === count ? true : undefined;
  });
  return ports;
}

test('port 0 picks a port and prints it; several rules run in one process', async (t) => {
  const echo = await startEcho(t);
  const other = await startTcpTarget(t, (socket) => socket.end('other'));
  const server = await startServer(t);
  await startService(t, server, ['tcp', echo.address, '--name', 'box']);
  await startService(t, server, ['tcp', other.address, '--name', 'other']);
  const fixed = await freePort();
  const rules = ['0:box', `127.0.0.1:${fixed}:other`];
  const forward = startClient(t, server, ['forward', ...rules, '--json']);
  const [first, second] = await portsOf(forward, 2);
  assert.equal(second, fixed);
  const sent = noiseBytes(2 * 1024 * 1024);
  assert.ok(sent.equals(await converse(first, sent)));
  assert.equal((await converse(fixed, '')).toString(), 'other');
});

test('a rule may name the target, which the service’s allow-list decides on', async (t) => {
  const own = await startEcho(t);
  const inner = await startTcpTarget(t, (socket) => socket.end('inner'));
  const closed = await startTcpTarget(t, (socket) => socket.end('closed'));
  const allow = ['--allow', `127.0.0.1:${inner.port}`];
  const { server } = await startTunnel(t, ['tcp', own.address, '--name', 'box', ...allow]);
  const rules = [`0:box:${inner.address}`, `0:box:${closed.address}`];
  const forward = startClient(t, server, ['forward', ...rules, '--json']);
  const [allowed, denied] = await portsOf(forward, 2);
  assert.equal((await converse(allowed, '')).toString(), 'inner');
  const answer = await within(
    5_000,
    converse(denied, 'x').catch(() => null),
  );
  assert.ok(answer === null || answer.length === 0);
  assert.equal(closed.accepted(), 0);
  await until('the refusal is logged', () => forward.err().includes('TARGET_DENIED'));
});

test('rules bind to loopback unless told otherwise, IPv6 too', async (t) => {
  const echo = await startEcho(t);
  const { server } = await startTunnel(t, ['tcp', echo.address, '--name', 'box']);
  const forward = startClient(t, server, ['forward', '[::1]:0:box', '--json']);
  const [port] = await portsOf(forward, 1);
  const socket = net.connect({ port: port, host: '::1', allowHalfOpen: true });
  socket.end('over six');
  let back = '';
  for await (const piece of socket) back += String(piece);
  assert.equal(back, 'over six');
});

test('a port in use exits 4, a malformed rule 2', async (t) => {
  const echo = await startEcho(t);
  const { server } = await startTunnel(t, ['tcp', echo.address, '--name', 'box']);
  const taken = startClient(t, server, ['forward', `${echo.port}:box`]);
  assert.equal((await taken.ended()).code, 4, taken.err());
  const malformed = startClient(t, server, ['forward', 'box:2222']);
  assert.equal((await malformed.ended()).code, 2, malformed.err());
});

test('forward comes back after a restart of the server', async (t) => {
  const echo = await startEcho(t);
  const server = await startServer(t);
  const words = ['tcp', echo.address, '--name', 'box'];
  await startService(t, server, words);
  const forward = startClient(t, server, ['forward', '0:box', '--json']);
  const [port] = await portsOf(forward, 1);
  assert.equal((await converse(port, 'before')).toString(), 'before');
  await server.program.end('SIGKILL');
  await startServer(t, ['--listen', `127.0.0.1:${server.port}`]);
  await until('the road stands again', async () => {
    const back = await converse(port, 'after').catch(() => null);
    return back?.toString() === 'after';
  });
});
