/** A running server, to who made it. */
import type { EventLog } from '../events/log.ts';
import type { HostPort } from '../net/address.ts';
import type { MetricsText } from './metrics.ts';
import type { LiveOptions } from './options.ts';
import type { LiveOption } from './reload.ts';

export interface Server {
  /** Where it listens, with the port that was picked. */
  readonly address: HostPort;
  /** The base of the addresses it gives out, such as `http://localhost:8080`. */
  readonly publicUrl: URL;
  /** What happened, in order. */
  readonly events: EventLog;
  /** Figures for Prometheus; null: none are kept. */
  readonly metrics: MetricsText | null;
  /** Where they are served by themselves; null: nowhere. */
  readonly metricsAddress: HostPort | null;
  /** Where QUIC is served; null: nowhere. */
  readonly quicAddress: HostPort | null;
  /** Of the process that serves QUIC now. */
  readonly quicPid: number | undefined;
  /** Where the control API is served by itself; null: at `address`. */
  readonly controlAddress: HostPort | null;
  /**
   * Takes other options over, in the place of those given to `createServer`; what is the same is not
   * touched. Clients whose token is gone, services and streams that may no longer be: all have ended
   * when this returns, but for streams that a policy has to ask about. Answers which options were
   * others. Throws as `createServer` does, and CONFIG_INVALID for TLS where there was none or none
   * where there was: nothing has changed then.
   */
  reload(options: LiveOptions): LiveOption[];
  /**
   * Takes nothing new, tells the agents to dial again, lets running work finish within `graceMs`
   * (default: `drainGraceMs`), then closes. Resolves when everything is closed.
   */
  close(graceMs?: number): Promise<void>;
}
