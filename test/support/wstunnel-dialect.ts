/** A server that speaks WStunnel, in the process of the test. */
import type { TestContext } from 'node:test';
import {
  createWstunnelServer,
  type WstunnelServerOptions,
} from '../../src/compat/wstunnel/dialect.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import { composeServer } from './composition.ts';
import { ask } from './http-client.ts';

/** Open to every token and alone, unless told otherwise. */
export async function startWstunnel(
  t: TestContext,
  wstunnel: WstunnelServerOptions = {},
  options: Partial<ServerOptions> = {},
): Promise<{ port: number }> {
  const dialects = [createWstunnelServer({ open: true, alone: true, ...wstunnel })];
  return (await composeServer(t, { dialects, ...options })).address;
}

export async function statsOf({ port }: { port: number }): Promise<string> {
  return (await ask({ port, path: '/_stats' })).text;
}
