/**
 * Notices peers that reset a connection nobody reads from. The kernel reports nothing on a read that
 * was stopped; a write of no bytes makes it tell. (A peer that only ended its side is found when
 * reading goes on: its bytes still count.)
 */
import type net from 'node:net';
import { PAUSED_PROBE_MS } from '../limits.ts';
import { isPipe } from './tcp-handle.ts';

const nothing = Buffer.alloc(0);
/** True once a socket has been paused for a whole tick. */
const paused = new Map<net.Socket, boolean>();
let timer: NodeJS.Timeout | null = null;

/** Looks after the socket until `forgetPaused`. Only TCP knows resets; a Unix socket would lose what is unread. */
export function watchPaused(socket: net.Socket): void {
  if (isPipe(socket)) return;
  paused.set(socket, false);
  timer ??= setInterval(probe, PAUSED_PROBE_MS).unref();
}

export function forgetPaused(socket: net.Socket): void {
  paused.delete(socket);
}

function probe(): void {
  for (const [socket, whole] of paused) {
    if (!whole) paused.set(socket, true);
    // With bytes still to be written the kernel tells anyway.
    else if (socket.writable && socket.writableLength === 0) socket.write(nothing);
  }
  if (paused.size > 0) return;
  clearInterval(timer!);
  timer = null;
}
