/** The protocols of other tools: each is loaded when a server is to speak it. */
import path from 'node:path';
import type { DialectFactory } from '../compat/dialect.ts';
import type { dialectNames } from '../config/dialects.ts';
import type { OptionsOf } from '../config/schema.ts';

type Options = OptionsOf<'server'>;
type Load = (options: Options, env: NodeJS.ProcessEnv) => Promise<DialectFactory>;

/** In the order in which they are asked about a request: one that takes every path comes last. */
const loaders: { readonly [Name in (typeof dialectNames)[number]]: Load } = {
  async callback({ callbackOpen }) {
    const { createCallbackDialect } = await import('../compat/callback/dialect.ts');
    return createCallbackDialect({ open: callbackOpen });
  },
  async sokken({ sokkenAllow: allow, sokkenMaxConnections: maxConnections, sokkenAuth: auth }) {
    const { createSokkenDialect } = await import('../compat/sokken/dialect.ts');
    return createSokkenDialect({ allow, maxConnections, auth });
  },
  async wstunnel({ wstunnelTokens, wstunnelOpen }) {
    const [{ createWstunnelServer }, { parseNamedToken }] = await Promise.all([
      import('../compat/wstunnel/dialect.ts'),
      import('../compat/wstunnel/named-token.ts'),
    ]);
    const tokens = wstunnelTokens.map(parseNamedToken);
    return createWstunnelServer({ tokens, open: wstunnelOpen });
  },
  async hubble({ hubbleAuth }) {
    const { createHubbleProxy } = await import('../compat/hubble/proxy.ts');
    return createHubbleProxy({ auth: hubbleAuth });
  },
  async reverst({ reverstGroups: groups = '' }, env) {
    const [{ createReverstServer }, { placesOfGroups }] = await Promise.all([
      import('../compat/reverst/dialect.ts'),
      import('./reverst-groups.ts'),
    ]);
    // What a file names stands beside it.
    const directory = path.dirname(groups);
    return createReverstServer({ groups, places: placesOfGroups({ directory, watch: true, env }) });
  },
};

/** Those that `compat` names. */
export function loadDialects(options: Options, env: NodeJS.ProcessEnv): Promise<DialectFactory[]> {
  const wanted = Object.entries(loaders).filter(([name]) =>
    options.compat.some((listed) => listed === name),
  );
  return Promise.all(wanted.map(([, load]) => load(options, env)));
}
