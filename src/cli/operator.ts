/** What all commands of operators have in common: a client of the control API. */
import { createControlClient, type ControlClient } from '../control/client.ts';
import { serverAccess, type AccessKeys } from './client-options.ts';
import type { CommandContext } from './context.ts';

/** Throws AUTH_REQUIRED without a token, CONFIG_INVALID when a file of it cannot be read. */
export function controlClient<Keys extends AccessKeys>(
  context: Pick<CommandContext<Keys>, 'options' | 'env' | 'version'>,
): ControlClient {
  return createControlClient(serverAccess(context.options, context));
}
