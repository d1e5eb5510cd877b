import type { RunningProcess } from '../processes.ts';

/** A way from a port here to a service behind it. */
export interface Road {
  /** Where the load connects. */
  readonly port: number;
  /** The hops whose CPU time and memory count, the one nearest to the consumer first. */
  readonly hops: readonly RunningProcess[];
  stop(): Promise<void>;
}

export function roadThrough(port: number, hops: readonly RunningProcess[]): Road {
  return {
    port,
    hops,
    async stop() {
      await Promise.all(hops.map((hop) => hop.stop()));
    },
  };
}

/** The road without hops: straight to the service. */
export function straightTo(port: number): Road {
  return roadThrough(port, []);
}

/** A hop that other hops are put in front of. */
export interface Hop {
  readonly port: number;
  readonly process: RunningProcess;
}
