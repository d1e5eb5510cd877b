/** Ports to listen on. */
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Below the range from which Linux takes the ports of outgoing connections, so that none is lost to one. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 100;
const READY_TIMEOUT_MS = 10_000;
const READY_PROBE_MS = 10;

const given = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on and that was not given out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!given.has(port) && (await mayListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port found between ${LOWEST} and ${HIGHEST} in ${ATTEMPTS} attempts`);
}

function mayListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Resolves when something accepts on the port. */
export async function accepting(port: number): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await mayConnect(port))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on 127.0.0.1:${port} after 10 s`);
    await delay(READY_PROBE_MS);
  }
}

function mayConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
