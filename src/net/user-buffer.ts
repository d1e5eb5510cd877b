/**
 * Gives accepted sockets what only dialled ones get from Node: reading straight into our buffer.
 *
 * `onread` is an option of the constructor, and a server constructs its sockets itself. Two ways lead
 * around that, both on internals that have been stable from Node 20 to 26 and both checked before
 * use: a plain socket's handle is wrapped in a second socket; an accepted TLS socket, whose handle
 * cannot move, gets the user buffer set in place. Where a check fails the caller reads `data` events.
 */
import net from 'node:net';
import { TLSSocket } from 'node:tls';
import { SOCKET_WRITE_MARK_BYTES } from '../limits.ts';
import { isPipe } from './tcp-handle.ts';

/** The parts of a socket's handle that are used here. */
interface Handle {
  useUserBuffer?(buffer: Uint8Array): void;
}

interface SocketInternals {
  _handle: Handle | null;
  _server: unknown;
  server: unknown;
}

/**
 * The socket to use from now on, reading into `onread`'s buffers; null when this runtime or this
 * socket does not allow it. `accepted` must not have read anything yet (`pauseOnConnect`).
 */
export function readIntoBuffer(accepted: net.Socket, onread: net.OnReadOpts): net.Socket | null {
  const handle = (accepted as unknown as SocketInternals)._handle;
  if (!handle || typeof handle.useUserBuffer !== 'function') return null;
  return accepted instanceof TLSSocket
    ? bufferInPlace(accepted, handle, onread)
    : rewrap(accepted, handle, onread);
}

function rewrap(accepted: net.Socket, handle: Handle, onread: net.OnReadOpts): net.Socket {
  const from = accepted as unknown as SocketInternals;
  // A Unix socket has to tell of every drain: see `DrainCallbacks`.
  const writableHighWaterMark = isPipe(accepted) ? 0 : SOCKET_WRITE_MARK_BYTES;
  from._handle = null;
  const socket = new net.Socket({
    handle,
    allowHalfOpen: true,
    onread,
    writableHighWaterMark,
  } as object);
  // The server counts its connections on this link: `close` must find the socket that will close.
  const to = socket as unknown as SocketInternals;
  to._server = from._server;
  to.server = from.server;
  from._server = null;
  // Whoever waits for the end of the accepted one means this one. Nothing here may hold on to the
  // accepted one: with its state it would be a seventh of what a resting agent costs. (There is one end
  // only: `once` would keep a closure and its state for each.)
  for (const listener of accepted.listeners('close')) socket.on('close', listener);
  return socket;
}

const tlsSymbols = findSymbols();

/** The symbols under which net.Socket keeps its `onread` option, or null when they are not there. */
function findSymbols(): { buffer: symbol; callback: symbol; next: symbol } | null {
  const own = Object.getOwnPropertySymbols(new net.Socket());
  const find = (name: string): symbol | undefined => own.find((s) => s.description === name);
  const buffer = find('kBuffer');
  const callback = find('kBufferCb');
  const next = find('kBufferGen');
  return buffer && callback && next ? { buffer, callback, next } : null;
}

function bufferInPlace(
  socket: TLSSocket,
  handle: Handle,
  onread: net.OnReadOpts,
): net.Socket | null {
  if (tlsSymbols === null) return null;
  const internals = socket as unknown as Record<symbol, unknown>;
  const next = onread.buffer as () => Uint8Array;
  const first = next();
  internals[tlsSymbols.buffer] = first;
  internals[tlsSymbols.callback] = onread.callback;
  internals[tlsSymbols.next] = next;
  handle.useUserBuffer!(first);
  return socket;
}
