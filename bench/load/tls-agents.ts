/**
 * Many agents in one process, each with its own connection by one transport, all of them encrypted,
 * that then rest. Prints one line of JSON when all are attached, and ends when one of them loses its
 * session.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openClientSession } from '../../src/attach/client-session.ts';
import { createDialler, type Transport } from '../../src/attach/transport-choice.ts';
import { HEARTBEAT_MS } from '../../src/limits.ts';
import { createHeartbeat } from '../../src/session/heartbeat.ts';
import type { StreamReceiver } from '../../src/session/session.ts';

const AT_ONCE = 32;
const PROGRAM = 'sallyport-bench';
const HOST = '127.0.0.1';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    count: { type: 'string' },
    ca: { type: 'string' },
    transport: { type: 'string' },
  },
});
const count = Number(values.count);
const port = Number(values.port);
const ca = readFileSync(values.ca!, 'utf8');
const token = process.env['SALLYPORT_TOKEN'] ?? '';
const { signal } = new AbortController();
const heartbeat = createHeartbeat(HEARTBEAT_MS);
const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };

async function attach(number: number): Promise<void> {
  const dialler = createDialler(values.transport as Transport, {});
  const session = await dialler.dial(
    {
      url: new URL(`wss://${HOST}:${port}`),
      token,
      wayOut: { tls: { ca }, quic: { host: HOST, port } },
      program: PROGRAM,
      signal,
    },
    (link) =>
      openClientSession(link, {
        hello: { role: 'agent', instance: randomUUID(), epoch: 1, program: PROGRAM, features: [] },
        heartbeat,
        accept(stream) {
          stream.reset();
          return nobody;
        },
        signal,
      }),
  );
  await session.register({ name: `idle-${number}`, kind: 'tcp' });
  void session.closed.then((error) => {
    throw error ?? new Error(`the server closed the session of agent ${number}`);
  });
}

const began = performance.now();
let next = 0;
async function attachInTurn(): Promise<void> {
  while (next < count) await attach(next++);
}
await Promise.all(Array.from({ length: AT_ONCE }, attachInTurn));
console.log(JSON.stringify({ attached: count, seconds: (performance.now() - began) / 1_000 }));
