/** One service as its agent knows it. */
import type { Duplex } from 'node:stream';
import type { AllowList } from '../access/allow.ts';
import type { ServiceOffer } from '../attach/messages.ts';
import { formatTarget, type Target } from '../net/target.ts';

export interface AgentService {
  /** What the server is told. */
  readonly offer: ServiceOffer;
  /** What is dialled, or takes the connection, when the consumer names nothing else. */
  readonly target: Target | HandlerTarget;
  /** What a consumer may have dialled instead. */
  readonly allow: AllowList;
  /** Do not check the certificate of an https target. */
  readonly insecureTarget: boolean;
  /** Begin each connection to the target with a PROXY header naming the consumer. */
  readonly proxyProtocol?: 'v1' | 'v2';
}

/** Stands in this process, where other services have a target that is dialled. */
export interface HandlerTarget {
  readonly kind: 'handler';
  /**
   * Takes a connection over, with the bytes that a dialled target would get. It owns the connection
   * and must not throw. What it does not read, its consumer cannot send; half-closes pass both ways;
   * a connection that it destroys, or whose consumer is gone, breaks off on both sides.
   */
  take(connection: Duplex): void;
  /** Ends connections that rest, and each other one after what is under way: the agent is leaving. */
  drain?(): void;
}

/** As it is shown in logs. */
export function formatServing(target: Target | HandlerTarget): string {
  return target.kind === 'handler' ? 'handler' : formatTarget(target);
}
