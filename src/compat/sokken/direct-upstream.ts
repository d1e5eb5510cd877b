/** Addresses that the server reaches by itself, as the upstream of one service: consumers name which. */
import { DIRECT_SERVICE } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';
import type { StreamRequest, Upstream, UpstreamReceiver } from '../../registry/upstream.ts';
import type { Stream } from '../../session/session.ts';
import type { DirectAddresses } from './addresses.ts';
import { DirectStream } from './direct-stream.ts';

export class DirectUpstream implements Upstream {
  readonly id = DIRECT_SERVICE;
  #addresses: DirectAddresses;
  #open = new Set<DirectStream>();

  constructor(addresses: DirectAddresses) {
    this.#addresses = addresses;
  }

  get streams(): number {
    return this.#open.size;
  }

  /** Throws TARGET_DENIED for what is not one of its addresses. */
  open({ target }: StreamRequest, receiver: UpstreamReceiver): Stream {
    if (target === undefined) {
      const why = `name the address to reach, as in PORT:${DIRECT_SERVICE}:HOST:PORT`;
      throw new SallyportError('USAGE', `service ${DIRECT_SERVICE}: ${why}`);
    }
    const address = this.#addresses.find(target);
    if (address === null) {
      const why = 'the server does not list this address (sokken_allow)';
      throw new SallyportError('TARGET_DENIED', `target ${quoted(target)}: ${why}`);
    }
    const stream: DirectStream = new DirectStream(address, receiver, () => {
      this.#open.delete(stream);
    });
    this.#open.add(stream);
    return stream;
  }

  close(): void {
    const error = new SallyportError('SERVER_DRAINING', `service ${DIRECT_SERVICE}: shutting down`);
    for (const stream of this.#open) {
      const { receiver } = stream;
      stream.reset(error);
      receiver.reset(error);
    }
  }
}
