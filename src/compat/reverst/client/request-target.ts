/** Where a client has its requests answered: by a server that is dialled, or by a handler in this process. */
import type { HandlerTarget } from '../../../agent/service.ts';
import { connectTarget, targetError, targetTimeout } from '../../../agent/target-dial.ts';
import { SallyportError } from '../../../errors.ts';
import { LOCAL_SLAB_BYTES, TARGET_DIAL_TIMEOUT_MS } from '../../../limits.ts';
import { serveDuplex } from '../../../net/served-duplex.ts';
import { SlabPool } from '../../../net/slab.ts';
import { formatTarget, type Target } from '../../../net/target.ts';
import { Wire, type WireReader } from '../../../net/wire.ts';

export interface RequestTarget {
  /** As it is shown. */
  readonly name: string;
  /**
   * A connection for one exchange, which may be written to at once. That it cannot be made shows as
   * its close, with a SallyportError.
   */
  connect(reader: WireReader): Wire;
}

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

/** `insecure`: the certificate of an https target is not checked. */
export function createRequestTarget(
  target: Target | HandlerTarget,
  insecure: boolean,
): RequestTarget {
  if (target.kind === 'handler')
    return {
      name: 'handler',
      connect: (reader) =>
        Wire.fromEvents(
          serveDuplex((far) => target.take(far)),
          slabs,
          reader,
        ),
    };
  return {
    name: formatTarget(target),
    connect: (reader) => dial(target, insecure, reader),
  };
}

function dial(target: Target, insecure: boolean, reader: WireReader): Wire {
  const wire = Wire.dial((onread) => connectTarget(target, insecure, onread), slabs, {
    read: () => true,
    ended() {},
    closed(error) {
      clearTimeout(late);
      reader.closed(error instanceof SallyportError ? error : targetError(target, error));
    },
  });
  const late = setTimeout(() => wire.destroy(targetTimeout(target)), TARGET_DIAL_TIMEOUT_MS);
  wire.socket.once(target.tls ? 'secureConnect' : 'connect', () => {
    clearTimeout(late);
    wire.reader = reader;
  });
  return wire;
}
