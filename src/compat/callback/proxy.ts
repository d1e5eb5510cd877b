/** The client of whoever reaches the machine: what the tool calls `callbackproxy`. */
import type { Duplex } from 'node:stream';
import { SallyportError } from '../../errors.ts';
import { CALLBACK_HEARTBEAT_MS, LOCAL_SLAB_BYTES } from '../../limits.ts';
import { SlabPool } from '../../net/slab.ts';
import { readRest, Wire, type WireReader } from '../../net/wire.ts';
import { createHeartbeat, type Heartbeat } from '../../session/heartbeat.ts';
import { Splice } from '../../session/splice.ts';
import { WebSocketStream } from '../../session/websocket-stream.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import { dialWebSocket, type DialledWebSocket } from '../../transport/websocket/dial.ts';
import { HALF_CLOSE } from './upgrade.ts';

export interface ProxyOptions {
  /** Of `tunnelUrl`. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly wayOut: WayOut;
  /** Until the server has answered, in milliseconds. */
  readonly timeoutMs: number;
  /** Joined to the service. Closed in every case. */
  readonly duplex: Duplex;
}

const slabs = new SlabPool(LOCAL_SLAB_BYTES);
const unread: WireReader = { read: () => true, ended() {}, closed() {} };

/**
 * Resolves when the other end has ended and all of it was written, or when the signal fires. Rejects
 * with what kept the connection from standing, or broke it.
 */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const { duplex, url, headers, wayOut, timeoutMs } = options;
  const dial = { url, protocol: HALF_CLOSE, headers, wayOut, timeoutMs, pool: slabs, signal };
  try {
    const dialled = await dialWebSocket(dial);
    const heartbeat = createHeartbeat(CALLBACK_HEARTBEAT_MS);
    try {
      await join(dialled, duplex, heartbeat, signal);
    } finally {
      heartbeat.close();
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    duplex.destroy();
  }
}

function join(
  { wire, rest, masking, protocol }: DialledWebSocket,
  duplex: Duplex,
  heartbeat: Heartbeat,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const local = Wire.fromEvents(duplex, slabs, unread);
  const splice = new Splice(local, { spliced() {} });
  // An older server knows no end of a direction: it is the one to close.
  const ending = protocol === HALF_CLOSE ? 'message' : 'nothing';
  const stream = new WebSocketStream(wire, masking, ending, splice);
  splice.join(stream);
  local.reader = splice;
  heartbeat.add(stream);
  let whole = false;
  let closed = false;
  let broken = false;
  stream.onOver = (end) => void (broken = end !== 'ok');
  stream.onClosed = () => {
    closed = true;
    if (whole || signal.aborted) resolve();
    else if (broken) reject(named(splice.error));
  };
  // The other end has ended, and its last byte is written: our input is of no use any more.
  duplex.once('finish', () => {
    whole = true;
    stream.end();
    duplex.destroy();
    if (closed) resolve();
  });
  duplex.once('close', () => {
    if (closed && !whole) reject(named(splice.error));
  });
  const leave = (): void => stream.reset();
  signal.addEventListener('abort', leave, { once: true });
  readRest(stream, rest);
  wire.resume();
  return promise.finally(() => signal.removeEventListener('abort', leave));
}

function named(error: Error | null): SallyportError {
  if (error instanceof SallyportError) return error;
  const why = error?.message ?? 'broken off';
  return new SallyportError('STREAM_RESET', `stream: ${why}`, { cause: error });
}
