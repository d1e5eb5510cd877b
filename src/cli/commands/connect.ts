/** `sallyport connect NAME`: standard input and output joined to a service. */
import type { OptionsOf } from '../../config/schema.ts';
import { connectDuplex } from '../../consumer/connect.ts';
import { createConsumer } from '../../consumer/consumer.ts';
import { processStdio } from '../../consumer/stdio.ts';
import { clientOptions } from '../client-options.ts';
import type { CommandContext } from '../context.ts';

export async function run(context: CommandContext<OptionsOf<'connect'>>): Promise<number> {
  const { options, positionals, signal, version } = context;
  const consumer = createConsumer(clientOptions(options, version));
  const { target, key } = options;
  const wish = {
    service: positionals[0]!,
    ...(target === undefined ? {} : { target }),
    ...(key === undefined ? {} : { key }),
  };
  await consumer.attach(signal);
  const stdio = processStdio();
  const leave = (): void => void stdio.destroy();
  signal.addEventListener('abort', leave);
  try {
    await connectDuplex(consumer, wish, stdio);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    consumer.close();
  }
  return 0;
}
