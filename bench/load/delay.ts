/**
 * A forwarder that holds every byte back for a fixed time in each direction: a long road on one
 * machine. Run as a program; it prints the port it listens on as one line of JSON.
 */
import net from 'node:net';
import { parseArgs } from 'node:util';

const TICK_MS = 1;
/** Far above what is under way at any measured speed; a queue this long stops the reading. */
const HELD_MAX_BYTES = 256 * 1024 * 1024;

/** A piece of the stream and when it may go on; null is the end of the direction. */
interface Held {
  readonly due: number;
  readonly bytes: Buffer | null;
}

/** Passes what comes from one socket to the other after `delayMs`, the end of the stream too. */
function forwardLate(from: net.Socket, to: net.Socket, delayMs: number): void {
  let held: Held[] = [];
  let heldBytes = 0;
  let timer: NodeJS.Timeout | null = null;

  const hold = (bytes: Buffer | null): void => {
    held.push({ due: performance.now() + delayMs, bytes });
    heldBytes += bytes?.length ?? 0;
    if (heldBytes > HELD_MAX_BYTES) from.pause();
    timer ??= setTimeout(release, delayMs);
  };

  const release = (): void => {
    const now = performance.now();
    let count = 0;
    to.cork();
    for (; count < held.length && held[count].due <= now; count++) {
      const { bytes } = held[count];
      if (bytes === null) to.end();
      else {
        to.write(bytes);
        heldBytes -= bytes.length;
      }
    }
    to.uncork();
    held = held.slice(count);
    if (heldBytes <= HELD_MAX_BYTES && from.isPaused()) from.resume();
    timer = held.length > 0 ? setTimeout(release, TICK_MS) : null;
  };

  from.on('data', hold);
  from.on('end', () => hold(null));
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (from.errored || !from.readableEnded) to.destroy();
  });
}

const { values } = parseArgs({
  options: { target: { type: 'string' }, 'one-way-ms': { type: 'string' } },
});
const target = Number(values.target);
const oneWayMs = Number(values['one-way-ms']);
if (!(target > 0) || !(oneWayMs > 0)) {
  throw new Error('usage: node bench/load/delay.ts --target PORT --one-way-ms MS');
}

const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  const far = net.connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  forwardLate(near, far, oneWayMs);
  forwardLate(far, near, oneWayMs);
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as net.AddressInfo).port }));
});
