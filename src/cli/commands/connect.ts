/** `sallyport connect NAME`: standard input and output joined to a service. */
import type { OptionsOf } from '../../config/schema.ts';
import { connectDuplex } from '../../consumer/connect.ts';
import { createConsumer, type Consumer } from '../../consumer/consumer.ts';
import { processStdio } from '../../consumer/stdio.ts';
import { clientOptions } from '../client-options.ts';
import type { CommandContext } from '../context.ts';
import { leaveAfterHangup } from '../hangup.ts';

export async function run(context: CommandContext<OptionsOf<'connect'>>): Promise<number> {
  const { options, positionals, signal } = context;
  const consumer = createConsumer(clientOptions(options, context));
  const { target, key } = options;
  const wish = {
    service: positionals[0],
    ...(target === undefined ? {} : { target }),
    ...(key === undefined ? {} : { key }),
  };
  await attach(consumer, options.keepTrying, signal);
  const stdio = processStdio();
  const leaving = leaveAfterHangup(signal);
  leaving.addEventListener('abort', () => stdio.destroy());
  try {
    await connectDuplex(consumer, wish, stdio);
  } catch (thrown) {
    if (!leaving.aborted && !stdio.readerGone) throw thrown;
  } finally {
    consumer.close();
  }
  return 0;
}

/** Attaches once, or with `keepTrying` as often as it takes. */
async function attach(consumer: Consumer, keepTrying: boolean, signal: AbortSignal): Promise<void> {
  if (!keepTrying) return consumer.attach(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  consumer.stayAttached({ attached: resolve, lost() {}, keepTrying, signal }).then(resolve, reject);
  await promise;
  signal.throwIfAborted();
}
