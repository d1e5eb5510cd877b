/** The UDP port of an endpoint. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { QUIC_SOCKET_BUFFER_BYTES } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';

/** Resolves addresses that are addresses already without asking anybody: dgram looks up each time it sends. */
function lookup(
  host: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, host, net.isIP(host));
}

/** Rejects with LISTEN_FAILED. */
export async function bindUdp({ host, port }: HostPort): Promise<dgram.Socket> {
  const socket = dgram.createSocket({
    type: net.isIPv6(host) ? 'udp6' : 'udp4',
    recvBufferSize: QUIC_SOCKET_BUFFER_BYTES,
    sendBufferSize: QUIC_SOCKET_BUFFER_BYTES,
    lookup: lookup,
  });
  try {
    // With that look-up it may be listening before `bind` returns.
    const listening = once(socket, 'listening');
    socket.bind({ port, address: host });
    await listening;
    // What cannot be sent is lost, as datagrams may be.
    socket.on('error', () => {});
    return socket;
  } catch (cause) {
    socket.close();
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new SallyportError(
      'LISTEN_FAILED',
      `listen on udp ${formatAddress({ host, port })}: ${code ?? message}`,
      { cause },
    );
  }
}
