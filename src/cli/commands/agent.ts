/** `sallyport agent`: the services that a file lists. */
import type { OptionsOf } from '../../config/schema.ts';
import type { CommandContext } from '../context.ts';
import { runAgent } from '../run-agent.ts';
import { listedService } from '../services.ts';

export async function run(context: CommandContext<OptionsOf<'agent'>>): Promise<number> {
  return runAgent(context, context.options.services.map(listedService));
}
