/** `sallyport http TARGET`: one HTTP service. */
import type { OptionsOf } from '../../config/schema.ts';
import type { CommandContext } from '../context.ts';
import { runAgent } from '../run-agent.ts';
import { httpService } from '../services.ts';

export async function run(context: CommandContext<OptionsOf<'http'>>): Promise<number> {
  return runAgent(context, [httpService(context.positionals[0], context.options)]);
}
