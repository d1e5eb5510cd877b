/** `sallyport forward RULE…`: local ports that lead to services. */
import type { OptionsOf } from '../../config/schema.ts';
import { createConsumer } from '../../consumer/consumer.ts';
import { openForward, type Forward } from '../../consumer/forward.ts';
import { parseRule } from '../../consumer/rule.ts';
import { formatAddress } from '../../net/address.ts';
import { clientOptions } from '../client-options.ts';
import { createLogs, logChoice, logLost } from '../logs.ts';
import type { CommandContext } from '../context.ts';

export async function run(context: CommandContext<OptionsOf<'forward'>>): Promise<number> {
  const { options, positionals, signal, stdout, stderr } = context;
  await using logs = createLogs(options, stderr);
  const { log, accessLog } = logs;
  const rules = positionals.map(parseRule);
  const consumer = createConsumer({
    ...clientOptions(options, context),
    chose: (transport, why) => logChoice(log, transport, why),
  });
  const forwards: Forward[] = [];
  try {
    for (const rule of rules) forwards.push(await openForward({ consumer, rule, accessLog }));
    let printed = false;
    await consumer.stayAttached({
      attached() {
        log.info({ server: options.server }, 'connected');
        if (!printed)
          for (const forward of forwards)
            stdout.write(options.json ? asJson(forward) : asText(forward));
        printed = true;
      },
      lost: (error, waitMs) => logLost(log, error, waitMs),
      keepTrying: options.keepTrying,
      signal,
    });
  } finally {
    for (const forward of forwards) forward.close();
    consumer.close();
  }
  return 0;
}

function asJson({ rule, address }: Forward): string {
  const listen = formatAddress(address);
  return `${JSON.stringify({ event: 'listening', service: rule.service, listen, port: address.port })}\n`;
}

function asText({ rule, address }: Forward): string {
  const target = rule.target === null ? '' : ` (${formatAddress(rule.target)})`;
  return `${formatAddress(address)} -> ${rule.service}${target}\n`;
}
