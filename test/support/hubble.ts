/** A Hubble proxy inside a server, and Hubble agents of ours, in the process of the test. */
import type { TestContext } from 'node:test';
import { createAllowList } from '../../src/access/allow.ts';
import { runHubbleAgent, type HubbleAgentOptions } from '../../src/compat/hubble/agent.ts';
import { createHubbleProxy, type HubbleProxyOptions } from '../../src/compat/hubble/proxy.ts';
import { parseHubbleRule } from '../../src/compat/hubble/rule.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { StreamLine } from '../../src/observe/access-log.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import type { Server } from '../../src/server/handle.ts';
import { composeServer } from './composition.ts';
import { until, within } from './wait.ts';

/** A server that speaks Hubble and lets every agent in, unless told otherwise. */
export function composeHubbleServer(
  t: TestContext,
  hubble: Partial<HubbleProxyOptions> = {},
  options: Partial<ServerOptions> = {},
): Promise<Server> {
  return composeServer(t, {
    dialects: [createHubbleProxy({ auth: 'none', ...hubble })],
    ...options,
  });
}

export interface AgentSetting {
  readonly name: string;
  readonly key?: string;
  readonly rules?: readonly string[];
  /** Rules of what may be dialled; absent: everything. */
  readonly allow?: readonly string[];
}

export interface RunningHubbleAgent {
  /** Local ports, in the order of the rules. */
  readonly ports: number[];
  readonly lines: StreamLine[];
  readonly losses: (SallyportError | null)[];
  connected(times?: number): Promise<unknown>;
  stop(): Promise<void>;
}

/** Runs until the test is over. */
export function runHubble(
  t: TestContext,
  proxy: { port: number },
  { name, key = '', rules = [], allow }: AgentSetting,
  options: Partial<HubbleAgentOptions> = {},
): RunningHubbleAgent {
  const ports: number[] = [];
  const lines: StreamLine[] = [];
  const losses: (SallyportError | null)[] = [];
  const shutdown = new AbortController();
  let connections = 0;
  const running = runHubbleAgent(
    {
      url: new URL(`ws://127.0.0.1:${proxy.port}/`),
      name,
      key,
      wayOut: {},
      rules: rules.map((rule) => parseHubbleRule(rule, '127.0.0.1')),
      allow: allow === undefined ? null : createAllowList(allow),
      accessLog: { stream: (line) => void lines.push(line), request() {} },
      events: {
        listening: ({ address }) => void ports.push(address.port),
        connected: () => void connections++,
        lost: (error) => void losses.push(error),
      },
      ...options,
    },
    shutdown.signal,
  );
  running.catch(() => {});
  const stop = (): Promise<void> => {
    shutdown.abort();
    return within(10_000, running, 'the end of the agent');
  };
  t.after(() => stop().catch(() => {}));
  return {
    ports,
    lines,
    losses,
    connected: (times = 1) =>
      until(`agent ${name} is connected ${times} times`, () => connections >= times),
    stop,
  };
}
