/** `sallyport hubble agent`. */
import { createAllowList } from '../../access/allow.ts';
import { runHubbleAgent } from '../../compat/hubble/agent.ts';
import { parseHubbleRule } from '../../compat/hubble/rule.ts';
import { formatRule } from '../../consumer/rule.ts';
import { SallyportError } from '../../errors.ts';
import { parseListenAddress } from '../../net/address.ts';
import { createAccessLog } from '../../observe/access-writer.ts';
import { createLogger } from '../../observe/logger.ts';
import { parseProxy } from '../../transport/outgoing/proxy.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import type { OwnWords } from '../advice.ts';
import type { Invocation } from '../invocation.ts';
import { logLost } from '../logs.ts';
import type { GoArguments, GoFlag } from './go-flags.ts';
import { readNamedFile, readSecretFile } from './named-file.ts';

export const agentFlags = {
  url: { value: 'URL', help: 'the proxy: ws://HOST:PORT or wss://HOST:PORT' },
  name: { value: 'NAME', help: 'name of this agent, which others put into their rules' },
  key: { value: 'KEY', help: 'key for the proxy; others can read command lines: see -keyfile' },
  ca: { value: 'FILE', help: 'certificates (PEM) to trust when the proxy has a wss URL' },
  keyfile: { value: 'FILE', help: 'file that holds the key (not in the original)' },
  bind: {
    value: 'HOST',
    help: 'the address on which the rules listen (not in the original)',
    initial: '0.0.0.0',
  },
  allow: {
    value: 'RULE',
    help: 'HOST:PORTS that others may reach through this agent, may be repeated; without it everything (not in the original)',
  },
  proxy: {
    value: 'URL',
    help: 'http, https or socks5 proxy to go through, or none; without it the one that https_proxy, http_proxy, all_proxy and no_proxy name (not in the original)',
  },
  h: { help: 'print this' },
  help: { help: 'print this' },
} as const satisfies Record<string, GoFlag>;

const ownWords: OwnWords = [
  ['--server', '-url'],
  ['a token with --token, --token-file or SALLYPORT_TOKEN', 'a key with -key or -keyfile'],
  ['the token', 'the key'],
];

type Flags = GoArguments<keyof typeof agentFlags>;

/** Runs until it is told to end; sessions end with it. Throws LISTEN_FAILED, USAGE and CONFIG_INVALID. */
export async function runAgent(flags: Flags, invocation: Invocation): Promise<number> {
  const { directory, signal } = invocation;
  const log = createLogger({ level: 'info', format: 'auto' });
  const { host: bind } = parseListenAddress(`${flags.text('bind')}:0`, '0.0.0.0');
  const rules = flags.rest.map((rule) => parseHubbleRule(rule, bind));
  const allow = flags.list('allow');
  const keyFile = flags.text('keyfile');
  if (allow.length === 0)
    log.warn({}, 'no -allow was given: others may reach everything that this machine can');
  await runHubbleAgent(
    {
      url: proxyUrl(flags.text('url')!),
      name: flags.text('name')!,
      key:
        keyFile === undefined
          ? (flags.text('key') ?? '')
          : readSecretFile(directory, keyFile, 'keyfile'),
      wayOut: wayOutOf(flags, invocation),
      rules,
      allow: allow.length === 0 ? null : createAllowList(allow),
      accessLog: createAccessLog(log, true),
      events: {
        listening({ rule, address }) {
          log.info({ rule: formatRule(rule) }, `Starting tunnel on port ${address.port}`);
          if (rule.listen.port === 0) log.info({}, `Listening on dynamic port ${address.port}`);
        },
        connected: () => log.info({ url: flags.text('url') }, 'connected'),
        lost: (error, waitMs) => logLost(log, error, waitMs, ownWords),
      },
    },
    signal,
  );
  return 0;
}

/** Throws USAGE; a URL that cannot be read is not repeated: it may hold a password. */
function proxyUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^(?:wss?|https?):$/.test(url.protocol) && url.username === '') return url;
  throw new SallyportError('USAGE', 'url: write ws://HOST:PORT or wss://HOST:PORT');
}

function wayOutOf(flags: Flags, { directory, env }: Invocation): WayOut {
  const ca = flags.text('ca');
  const proxy = flags.text('proxy');
  return {
    env,
    ...(ca !== undefined && { tls: { ca: readNamedFile(directory, ca, 'ca') } }),
    ...(proxy !== undefined && { proxy: proxy === 'none' ? null : parseProxy(proxy) }),
  };
}
