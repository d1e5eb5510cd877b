/** The stream that a request goes out on: of the service it is routed to, or of the program itself. */
import { asSallyportError } from '../../errors.ts';
import type { Gate, PassedStream } from '../../registry/gate.ts';
import type { Upstream, UpstreamReceiver } from '../../registry/upstream.ts';
import type { Exchange } from './exchange.ts';
import { publicRefusal } from './public-fault.ts';

/** Throws what `gate.open` throws, in words for the public. */
export function openRequestStream(
  exchange: Exchange,
  gate: Gate,
  receiver: UpstreamReceiver,
  tried: readonly Upstream[],
): PassedStream {
  const { service, consumer, id, caller, own } = exchange;
  if (own === null) {
    const request = { service, kind: 'http', consumer, id } as const;
    const asked = exchange.upgrade ? ({ ...request, upgrade: true } as const) : request;
    try {
      return gate.open(asked, receiver, { caller, tried });
    } catch (thrown) {
      throw publicRefusal(service, caller, asSallyportError(thrown));
    }
  }
  return { stream: own.open(receiver), upstream: null, identity: null, keepable: true };
}
