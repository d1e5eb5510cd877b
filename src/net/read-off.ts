/** Reads the beginning of a socket that then goes on elsewhere: to a TLS handshake, or to a wire. */
import type net from 'node:net';
import type { SallyportError } from '../errors.ts';

/** What went wrong: it took too long, never became complete, or the connection ended within it. */
export type ReadOffFault = 'late' | 'long' | 'ended';

export interface ReadOff<Value> {
  /** The value and how many bytes it took; null while it is incomplete. Throws for what it cannot be. */
  parse(bytes: Buffer): { readonly value: Value; readonly length: number } | null;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  fault(fault: ReadOffFault, cause: Error | null): SallyportError;
}

/**
 * Resolves with the value; the socket is paused then, and the bytes behind it are put back. Rejects
 * with a fault or what `parse` threw; the socket is the caller's to close in either case.
 */
export function readOff<Value>(socket: net.Socket, options: ReadOff<Value>): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  let bytes: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => fail(options.fault('late', null)), options.timeoutMs);
  const left = (error?: unknown): void =>
    fail(options.fault('ended', error instanceof Error ? error : null));

  function settle(): void {
    clearTimeout(timer);
    socket.off('data', read).off('end', left).off('close', left).off('error', left);
  }
  function fail(error: Error): void {
    settle();
    reject(error);
  }
  function read(chunk: Buffer): void {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    try {
      const parsed = options.parse(bytes);
      if (parsed === null) {
        if (bytes.length < options.maxBytes) return;
        throw options.fault('long', null);
      }
      socket.pause();
      settle();
      if (bytes.length > parsed.length) socket.unshift(bytes.subarray(parsed.length));
      resolve(parsed.value);
    } catch (thrown) {
      fail(thrown as Error);
    }
  }
  socket.on('data', read).on('end', left).on('close', left).on('error', left);
  socket.resume();
  return promise;
}
