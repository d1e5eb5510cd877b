/**
 * Reads the PROXY header of a socket that then goes on elsewhere: to a TLS handshake, or to a wire.
 * The bytes behind the header are put back.
 */
import type net from 'node:net';
import { SallyportError } from '../errors.ts';
import { PROXY_HEADER_MAX_BYTES, PROXY_HEADER_TIMEOUT_MS } from '../limits.ts';
import { decodeProxyHeader, type ProxyHeader } from './proxy-protocol-decode.ts';

/**
 * Resolves with the header; the socket is paused then. Rejects with REQUEST_INVALID or
 * REQUEST_TIMEOUT; the socket is the caller's to close in either case.
 */
export function readProxyHeader(socket: net.Socket): Promise<ProxyHeader> {
  const { promise, resolve, reject } = Promise.withResolvers<ProxyHeader>();
  let bytes = Buffer.alloc(0);
  const timer = setTimeout(() => {
    fail(
      new SallyportError(
        'REQUEST_TIMEOUT',
        `PROXY header: none within ${PROXY_HEADER_TIMEOUT_MS} ms`,
      ),
    );
  }, PROXY_HEADER_TIMEOUT_MS);
  const left = (): void =>
    fail(new SallyportError('REQUEST_INVALID', 'PROXY header: the connection ended within it'));

  function settle(): void {
    clearTimeout(timer);
    socket.off('data', read).off('end', left).off('close', left).off('error', left);
  }
  function fail(error: SallyportError): void {
    settle();
    reject(error);
  }
  function read(chunk: Buffer): void {
    bytes = Buffer.concat([bytes, chunk]);
    try {
      const header = decodeProxyHeader(bytes);
      if (header === null) {
        if (bytes.length < PROXY_HEADER_MAX_BYTES) return;
        throw new SallyportError(
          'REQUEST_INVALID',
          `PROXY header: not complete within ${PROXY_HEADER_MAX_BYTES} bytes`,
        );
      }
      socket.pause();
      settle();
      if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
      resolve(header);
    } catch (thrown) {
      fail(thrown as SallyportError);
    }
  }
  socket.on('data', read).on('end', left).on('close', left).on('error', left);
  socket.resume();
  return promise;
}
