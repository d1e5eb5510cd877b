/** A session that a Hubble agent asks for: authorised by the gate, then joined to a stream of the service. */
import { isServiceName } from '../../access/service-name.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { CONSUMER_KEY_MAX_CHARS } from '../../limits.ts';
import { formatAddress } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import type { Gate } from '../../registry/gate.ts';
import type { StreamRequest } from '../../registry/upstream.ts';
import { Relay } from '../../session/relay.ts';
import type { StreamReceiver } from '../../session/session.ts';
import type { Gateway } from './gateway.ts';
import type { Initiator } from './messages.ts';

export interface AskedContext {
  readonly gate: Gate;
  readonly accessLog: AccessLog;
  newId(): string;
  /** Opening messages of streams on their way through the gate, by the id of the stream. */
  readonly initiators: Map<string, Initiator>;
}

/** Answers the agent in every case; what becomes of the session is logged. */
export function openAsked(gateway: Gateway, initiator: Initiator, context: AskedContext): void {
  const { gate, accessLog, newId, initiators } = context;
  const startedAt = performance.now();
  const id = newId();
  const service = isServiceName(initiator.gatename) ? initiator.gatename : '-';
  const stream = gateway.mux.accept(initiator, unread);
  const relay = new Relay(stream, {
    accepted: () => stream.answer(null),
    refused: (error) => stream.answer(error),
    over(ended, error) {
      initiators.delete(id);
      accessLog.stream({
        id,
        service,
        consumer: gateway.peer,
        bytesUp: ended.up.bytes,
        bytesDown: ended.down.bytes,
        ms: Math.round(performance.now() - startedAt),
        outcome: error === null ? 'ok' : error.code,
        ...(error === null ? {} : { error: error.message }),
      });
    },
  });
  stream.receiver = relay.up;
  initiators.set(id, initiator);
  try {
    const request = { ...wishOf(initiator), consumer: gateway.peer, id };
    relay.join(gate.open(request, relay.down, { caller: gateway.identity }).stream);
  } catch (thrown) {
    relay.over(asSallyportError(thrown), null);
  }
}

/** Port 0 stands for the service's own target. Throws what makes no sense of it. */
function wishOf(initiator: Initiator): Omit<StreamRequest, 'consumer' | 'id'> {
  const { gatename, key, host, port } = initiator;
  if (!isServiceName(gatename))
    throw new SallyportError('SERVICE_UNKNOWN', `service ${quoted(gatename)}: not a valid name`);
  if (key.length > CONSUMER_KEY_MAX_CHARS)
    throw new SallyportError('DENIED', `service ${gatename}: the key of the rule is too long`);
  if (host === '' && port !== 0)
    throw new SallyportError('TARGET_UNREACHABLE', `service ${gatename}: no host was named`);
  return {
    service: gatename,
    kind: 'tcp',
    ...(port === 0 ? {} : { target: formatAddress({ host, port }) }),
    ...(key === '' ? {} : { key }),
  };
}

/** Stands in until the relay is there: an agent that is not answered yet has nothing to say. */
const unread: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
