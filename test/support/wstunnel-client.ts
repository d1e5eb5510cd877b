/** The client of WStunnel in the process of the test. */
import type { TestContext } from 'node:test';
import { runWstunnelClient, type WstunnelClientOptions } from '../../src/compat/wstunnel/client.ts';
import { createOriginPattern } from '../../src/agent/x-host/origin-pattern.ts';
import type { SallyportError } from '../../src/errors.ts';
import { until, within } from './wait.ts';
import { rendezvous } from './wstunnel-agent.ts';

export interface RunningClient {
  readonly losses: (SallyportError | null)[];
  readonly failures: string[];
  connected(times?: number): Promise<unknown>;
  stop(): Promise<void>;
}

/** Runs until the test is over. `server` and `regexp` are those of the command line. */
export function runClient(
  t: TestContext,
  { port }: { port: number },
  { server, regexp }: { server?: string; regexp?: string },
  options: Partial<WstunnelClientOptions> = {},
): RunningClient {
  const losses: (SallyportError | null)[] = [];
  const failures: string[] = [];
  const shutdown = new AbortController();
  let connections = 0;
  const running = runWstunnelClient(
    {
      url: new URL(`ws://127.0.0.1:${port}/_tunnel`),
      token: rendezvous,
      choice: {
        server: server === undefined ? null : new URL(server),
        allowed: regexp === undefined ? null : createOriginPattern(regexp),
      },
      insecure: false,
      wayOut: {},
      silenceMs: 30_000,
      events: {
        connected: () => void connections++,
        lost: (error) => void losses.push(error),
        failed: ({ failure }) => void failures.push(failure),
        alive() {},
      },
      ...options,
    },
    shutdown.signal,
  );
  const stop = (): Promise<void> => {
    shutdown.abort();
    return within(10_000, running, 'the end of the client');
  };
  t.after(stop);
  return {
    losses,
    failures,
    connected: (times = 1) => until(`connected ${times} times`, () => connections >= times),
    stop,
  };
}
