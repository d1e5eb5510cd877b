/** The PROXY header of a socket that then goes on elsewhere: to a TLS handshake, or to a wire. */
import type net from 'node:net';
import { SallyportError } from '../errors.ts';
import { PROXY_HEADER_MAX_BYTES, PROXY_HEADER_TIMEOUT_MS } from '../limits.ts';
import { decodeProxyHeader, type ProxyHeader } from './proxy-protocol-decode.ts';
import { readOff, type ReadOffFault } from './read-off.ts';

/**
 * Resolves with the header; the socket is paused then, and the bytes behind the header are put back.
 * Rejects with REQUEST_INVALID or REQUEST_TIMEOUT; the socket is the caller's to close in either case.
 */
export function readProxyHeader(socket: net.Socket): Promise<ProxyHeader> {
  return readOff(socket, {
    parse(bytes) {
      const header = decodeProxyHeader(bytes);
      return header === null ? null : { value: header, length: header.length };
    },
    maxBytes: PROXY_HEADER_MAX_BYTES,
    timeoutMs: PROXY_HEADER_TIMEOUT_MS,
    fault: (fault) =>
      new SallyportError(
        fault === 'late' ? 'REQUEST_TIMEOUT' : 'REQUEST_INVALID',
        `PROXY header: ${faults[fault]}`,
      ),
  });
}

const faults: Readonly<Record<ReadOffFault, string>> = {
  late: `none within ${PROXY_HEADER_TIMEOUT_MS} ms`,
  long: `not complete within ${PROXY_HEADER_MAX_BYTES} bytes`,
  ended: 'the connection ended within it',
};
