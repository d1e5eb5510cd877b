/** One service as its agent knows it. */
import type { AllowList } from '../access/allow.ts';
import type { ServiceOffer } from '../attach/messages.ts';
import type { Target } from '../net/target.ts';

export interface AgentService {
  /** What the server is told. */
  readonly offer: ServiceOffer;
  /** What is dialled when the consumer names nothing else. */
  readonly target: Target;
  /** What a consumer may have dialled instead. */
  readonly allow: AllowList;
  /** Do not check the certificate of an https target. */
  readonly insecureTarget: boolean;
  /** Begin each connection to the target with a PROXY header naming the consumer. */
  readonly proxyProtocol?: 'v1' | 'v2';
}
