/**
 * Many agents in one process, each with its own connection and one registered service, that then
 * rest. Prints one line of JSON when all are attached, and ends when one of them loses its session.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { openClientSession } from '../../src/attach/client-session.ts';
import { dial } from '../../src/attach/dial.ts';
import { HEARTBEAT_MS } from '../../src/limits.ts';
import { createHeartbeat } from '../../src/session/heartbeat.ts';
import type { StreamReceiver } from '../../src/session/session.ts';

const AT_ONCE = 32;
const PROGRAM = 'sallyport-bench';

const { values } = parseArgs({
  options: { port: { type: 'string' }, count: { type: 'string' } },
});
const count = Number(values.count);
const url = new URL(`ws://127.0.0.1:${values.port}`);
const token = process.env['SALLYPORT_TOKEN'] ?? '';
const { signal } = new AbortController();
const heartbeat = createHeartbeat(HEARTBEAT_MS);
const nobody: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };

async function attach(number: number): Promise<void> {
  const link = await dial({ url, token, program: PROGRAM, signal });
  const session = await openClientSession(link, {
    hello: { role: 'agent', instance: randomUUID(), epoch: 1, program: PROGRAM, features: [] },
    heartbeat,
    accept(stream) {
      stream.reset();
      return nobody;
    },
    signal,
  });
  await session.register({ name: `idle-${number}`, kind: 'tcp' });
  void session.closed.then((error) => {
    throw error ?? new Error(`the server closed the session of agent ${number}`);
  });
}

let next = 0;
async function attachInTurn(): Promise<void> {
  while (next < count) await attach(next++);
}
await Promise.all(Array.from({ length: AT_ONCE }, attachInTurn));
console.log(JSON.stringify({ attached: count }));
