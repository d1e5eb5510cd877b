/** `sallyport tcp TARGET`: one TCP service. */
import type { OptionsOf } from '../../config/schema.ts';
import type { CommandContext } from '../context.ts';
import { runAgent } from '../run-agent.ts';
import { tcpService } from '../services.ts';

export async function run(context: CommandContext<OptionsOf<'tcp'>>): Promise<number> {
  return runAgent(context, [tcpService(context.positionals[0], context.options)]);
}
