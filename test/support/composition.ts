/** Server, agent and consumer in the process of the test, put together as their owners do it. */
import type { TestContext } from 'node:test';
import { createAllowList } from '../../src/access/allow.ts';
import { allScopes } from '../../src/access/identity.ts';
import { createAgent, type Agent, type AgentOptions } from '../../src/agent/agent.ts';
import type { AgentService } from '../../src/agent/service.ts';
import type { Registered, ServiceOffer } from '../../src/attach/messages.ts';
import {
  createConsumer,
  type Consumer,
  type ConsumerOptions,
} from '../../src/consumer/consumer.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { parseTarget } from '../../src/net/target.ts';
import type { AccessLog, StreamLine } from '../../src/observe/access-log.ts';
import { createLogger } from '../../src/observe/logger.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import type { Server } from '../../src/server/handle.ts';
import { createServer } from '../../src/server/server.ts';
import { until, within } from './wait.ts';

const token = 'sp_credential-of-the-composition-tests';
const program = 'test/1';
const heartbeatMs = 5_000;
const silent = createLogger({ level: 'silent', format: 'json' });

/** On a free port of 127.0.0.1; closed with the test. */
export async function composeServer(
  t: TestContext,
  options: Partial<ServerOptions> = {},
): Promise<Server> {
  const server = await createServer({
    listen: { host: '127.0.0.1', port: 0 },
    identities: [{ name: 'ann', token, ...allScopes }],
    program,
    log: silent,
    ...options,
  });
  t.after(() => server.close(0));
  return server;
}

/** Where clients find the server. */
const urlOf = ({ port }: { port: number }): URL => new URL(`ws://127.0.0.1:${port}`);

export interface ServiceSetting extends Partial<ServiceOffer> {
  /** Rules for targets that consumers choose. */
  allow?: readonly string[];
  insecureTarget?: boolean;
  proxyProtocol?: 'v1' | 'v2';
}

/** A private TCP service where nothing else is said. */
export function service(name: string, target: string, setting: ServiceSetting = {}): AgentService {
  const { allow = [], insecureTarget = false, proxyProtocol, ...offer } = setting;
  return {
    offer: { name, kind: 'tcp', ...offer },
    target: parseTarget(target),
    allow: createAllowList(allow),
    insecureTarget,
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
}

export interface RunningAgent {
  readonly agent: Agent;
  /** Streams that have ended, in order. */
  readonly lines: StreamLine[];
  readonly assigned: Map<string, Registered>;
  readonly losses: (ErrorCode | null)[];
  /** Services that the server took back, each with the code it gave. */
  readonly withdrawn: string[];
  /** Settles with `run`. */
  readonly running: Promise<void>;
  /** Resolves when it is attached and registered, as often as this has happened. */
  ready(times?: number): Promise<unknown>;
  /** Asks it to leave; resolves when it has. */
  stop(): Promise<void>;
}

/** Runs until the test is over. */
export function runAgent(
  t: TestContext,
  server: { port: number },
  services: readonly AgentService[],
  options: Partial<AgentOptions> = {},
): RunningAgent {
  const lines: StreamLine[] = [];
  const assigned = new Map<string, Registered>();
  const losses: (ErrorCode | null)[] = [];
  const withdrawn: string[] = [];
  const shutdown = new AbortController();
  let attachments = 0;
  const agent = createAgent({
    server: urlOf(server),
    token,
    services,
    program,
    heartbeatMs,
    keepTrying: false,
    drainGraceMs: 5_000,
    accessLog: noteStreams(lines),
    events: {
      registered: ({ offer }, answer) => void assigned.set(offer.name, answer),
      ready: () => void attachments++,
      withdrawn: ({ offer }, { code }) => void withdrawn.push(`${offer.name} ${code}`),
      lost: (error) => void losses.push(error?.code ?? null),
    },
    ...options,
  });
  const running = agent.run(shutdown.signal);
  running.catch(() => {});
  const stop = (): Promise<void> => {
    shutdown.abort();
    return within(10_000, running, 'the end of the agent');
  };
  t.after(() => stop().catch(() => {}));
  return {
    agent,
    lines,
    assigned,
    losses,
    withdrawn,
    running,
    ready: (times = 1) => until(`the agent is ready ${times} times`, () => attachments >= times),
    stop,
  };
}

export function composeConsumer(
  t: TestContext,
  server: { port: number },
  options: Partial<ConsumerOptions> = {},
): Consumer {
  const consumer = createConsumer({
    server: urlOf(server),
    token,
    program,
    heartbeatMs,
    ...options,
  });
  t.after(() => consumer.close());
  return consumer;
}

export interface Road {
  readonly server: Server;
  readonly agent: RunningAgent;
  readonly consumer: Consumer;
}

/** All three, attached and registered. */
export async function composeRoad(
  t: TestContext,
  services: readonly AgentService[],
  options: Partial<AgentOptions> = {},
): Promise<Road> {
  const server = await composeServer(t);
  const agent = runAgent(t, server.address, services, options);
  await agent.ready();
  const consumer = composeConsumer(t, server.address);
  await consumer.attach(new AbortController().signal);
  return { server, agent, consumer };
}

/** An access log that writes down the streams. */
export function noteStreams(lines: StreamLine[]): AccessLog {
  return { stream: (line) => void lines.push(line), request() {} };
}
