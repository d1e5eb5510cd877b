/** The way of the process for QUIC into the server: a connection to its local socket for each client. */
import net from 'node:net';
import type { LocalEntry } from '../../attach/quic-greeting.ts';
import { SallyportError } from '../../errors.ts';
import { LINK_SLAB_BYTES } from '../../limits.ts';
import { SlabPool } from '../../net/slab.ts';
import { Wire } from '../../net/wire.ts';
import { PlainLink } from '../../transport/plain-link.ts';
import { FirstMessage, sendFirst } from './greeted-link.ts';

const slabs = new SlabPool(LINK_SLAB_BYTES);

/** Greets the server. Returns how to leave before it has answered. */
export function enterServer(
  socketPath: string,
  greeting: object,
  entry: LocalEntry,
): (error: SallyportError | null) => void {
  const wire = Wire.dial(
    (onread) => {
      const options = { path: socketPath, onread, allowHalfOpen: true, writableHighWaterMark: 0 };
      return net.connect(options as net.NetConnectOpts);
    },
    slabs,
    { read: () => true, ended() {}, closed() {} },
  );
  const link = new PlainLink(wire);
  let left = false;
  const refused = (error: SallyportError | null): void => {
    if (left) return;
    // The server takes nobody just now, or is being started again.
    const busy = error?.code === 'LINK_LOST';
    entry.refused(busy ? new SallyportError('SERVER_BUSY', error.message) : error);
  };
  link.receive(new FirstMessage(link, () => entry.admitted(link), refused));
  sendFirst(link, greeting);
  return (error) => {
    left = true;
    link.close(error);
  };
}
