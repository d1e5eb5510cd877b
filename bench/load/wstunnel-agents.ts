/**
 * Many agents of WStunnel in one process, each with a token of its own, that rest. Prints one line of
 * JSON when all are connected, and ends when one of them loses its tunnel.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';

const AT_ONCE = 32;
const PING_MS = 10_000;

const { values } = parseArgs({
  options: { port: { type: 'string' }, count: { type: 'string' } },
});
const count = Number(values.count);
const url = `ws://127.0.0.1:${values.port}/_tunnel`;

async function connect(number: number): Promise<void> {
  const headers = { Origin: `rendez-vous-of-agent-${String(number).padStart(8, '0')}` };
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  await once(socket, 'open');
  socket.on('close', () => {
    throw new Error(`the server closed the tunnel of agent ${number}`);
  });
  setInterval(() => socket.ping(), PING_MS);
}

let next = 0;
async function connectInTurn(): Promise<void> {
  while (next < count) await connect(next++);
}
await Promise.all(Array.from({ length: AT_ONCE }, connectInTurn));
console.log(JSON.stringify({ connected: count }));
