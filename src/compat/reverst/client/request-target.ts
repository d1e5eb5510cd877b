/** Where a client has its requests answered: by a server that is dialled, or by a handler in this process. */
import type { HandlerTarget } from '../../../agent/service.ts';
import { connectTarget, targetError, targetTimeout } from '../../../agent/target-dial.ts';
import { SallyportError } from '../../../errors.ts';
import { LOCAL_SLAB_BYTES, TARGET_DIAL_TIMEOUT_MS } from '../../../limits.ts';
import { serveDuplex } from '../../../net/served-duplex.ts';
import { SlabPool } from '../../../net/slab.ts';
import { formatTarget, type Target } from '../../../net/target.ts';
import { Wire, type WireReader } from '../../../net/wire.ts';
import { KeptWires } from './kept-wires.ts';

export interface RequestTarget {
  /** As it is shown. */
  readonly name: string;
  /** Whether its connections can be kept. */
  readonly keeps: boolean;
  /**
   * A new connection, which may be written to at once. That it cannot be made shows as its close,
   * with a SallyportError.
   */
  connect(reader: WireReader): Wire;
  /** One that has rested; null: there is none. The target may be closing it just now. */
  reuse(reader: WireReader): Wire | null;
  /** A connection is done with, and in order. */
  keep(wire: Wire): void;
  /** Ends those that rest. */
  close(): void;
}

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

/** `insecure`: the certificate of an https target is not checked. */
export function createRequestTarget(
  target: Target | HandlerTarget,
  insecure: boolean,
): RequestTarget {
  return target.kind === 'handler' ? handledBy(target) : dialled(target, insecure);
}

function handledBy(handler: HandlerTarget): RequestTarget {
  return {
    name: 'handler',
    keeps: false,
    connect(reader) {
      const near = serveDuplex((far) => handler.take(far));
      return Wire.fromEvents(near, slabs, reader);
    },
    reuse: () => null,
    keep: (wire) => wire.destroy(),
    close() {},
  };
}

function dialled(target: Target, insecure: boolean): RequestTarget {
  const kept = new KeptWires();
  return {
    name: formatTarget(target),
    keeps: true,
    connect: (reader) => dial(target, insecure, reader),
    reuse: (reader) => kept.take(reader),
    keep: (wire) => kept.keep(wire),
    close: () => kept.close(),
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
