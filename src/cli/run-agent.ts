/** Runs an agent for the commands `http`, `tcp` and `agent`: prints what was assigned, logs the rest. */
import { createAgent } from '../agent/agent.ts';
import { formatServing, type AgentService } from '../agent/service.ts';
import type { Registered } from '../attach/messages.ts';
import type { OptionsOf } from '../config/schema.ts';
import { DRAIN_GRACE_MS } from '../limits.ts';
import { createHealthListener } from '../observe/health.ts';
import { clientOptions } from './client-options.ts';
import { createLogs, logChoice, logLost } from './logs.ts';
import type { CommandContext } from './context.ts';

type AgentKeys = Omit<OptionsOf<'agent'>, 'services'>;

/** Resolves to 0 after a shutdown in good order. */
export async function runAgent(
  context: CommandContext<AgentKeys>,
  services: readonly AgentService[],
): Promise<number> {
  const { options, signal, stdout, stderr, version } = context;
  await using logs = createLogs(options, stderr);
  const { log, accessLog } = logs;
  const printed = new Map<string, string>();

  const agent = createAgent({
    ...clientOptions(options, context),
    services,
    keepTrying: options.keepTrying,
    drainGraceMs: DRAIN_GRACE_MS,
    accessLog,
    events: {
      registered(service, assigned) {
        log.info({ service: service.offer.name, urls: assigned.urls }, 'registered');
        const text = options.json
          ? registeredJson(service, assigned)
          : registeredText(service, assigned);
        // A reconnect that changes nothing prints nothing.
        if (printed.get(service.offer.name) === text) return;
        printed.set(service.offer.name, text);
        stdout.write(text);
      },
      ready: () => log.info({ server: options.server, services: services.length }, 'connected'),
      withdrawn: ({ offer }, { code, message, advice }) =>
        log.warn({ service: offer.name, code, error: message, fix: advice }, 'withdrawn'),
      chose: (transport, why) => logChoice(log, transport, why),
      lost: (error, waitMs) => logLost(log, error, waitMs),
    },
  });
  const health =
    options.healthListen === undefined
      ? null
      : await createHealthListener({
          listen: options.healthListen,
          ready: () => ({
            ready: agent.ready,
            detail: { connected: agent.ready, services: services.length },
          }),
          version,
        });
  try {
    await agent.run(signal);
  } finally {
    await health?.close();
  }
  return 0;
}

function registeredJson({ offer }: AgentService, { urls, port }: Registered): string {
  return `${JSON.stringify({ event: 'registered', service: offer.name, urls, ...(port === undefined ? {} : { port }) })}\n`;
}

function registeredText({ offer, target }: AgentService, { urls }: Registered): string {
  if (urls.length === 0) {
    const { name } = offer;
    return `${name}: private -> ${formatServing(target)}; reach it with: sallyport connect ${name}\n`;
  }
  const lines = urls.map((url) => `${offer.name}: ${url} -> ${formatServing(target)}\n`);
  return lines.join('');
}
