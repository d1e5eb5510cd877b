/** `sallyport server`: the public server. */
import type { IdentityOptions } from '../../access/identities.ts';
import { allScopes } from '../../access/identity.ts';
import { createToken } from '../../access/tokens.ts';
import type { OptionsOf } from '../../config/schema.ts';
import { formatAddress, parseListenAddress } from '../../net/address.ts';
import { parsePortRanges } from '../../net/ports.ts';
import { createLogger } from '../../observe/logger.ts';
import { createServer, type Server } from '../../server/server.ts';
import type { CommandContext } from '../context.ts';
import { loadDialects } from '../dialects.ts';

export async function run(context: CommandContext<OptionsOf<'server'>>): Promise<number> {
  const { options, signal, stdout, version } = context;
  const log = createLogger({ level: options.logLevel, format: options.logFormat });
  const configured = identitiesOf(options);
  const madeToken = configured.length === 0 ? createToken() : null;
  const identities =
    madeToken === null ? configured : [{ name: 'default', token: madeToken, ...allScopes }];
  const server = await createServer({
    listen: parseListenAddress(options.listen, '0.0.0.0'),
    identities,
    program: `sallyport/${version}`,
    log,
    domain: options.domain,
    tcpPorts: parsePortRanges(options.tcpPorts),
    trustedProxies: options.trustedProxies,
    proxyProtocolFrom: options.proxyProtocolFrom,
    balance: options.balance,
    heartbeatMs: options.heartbeat,
    responseTimeoutMs: options.responseTimeout,
    drainGraceMs: options.drainGrace,
    accessLog: options.accessLog,
    dialects: await loadDialects(options),
    ...(options.publicUrl === undefined ? {} : { publicUrl: new URL(options.publicUrl) }),
    ...(options.tlsCert === undefined
      ? {}
      : { tls: { cert: options.tlsCert, key: options.tlsKey! } }),
    ...(options.tlsPassthroughListen === undefined
      ? {}
      : { tlsPassthroughListen: parseListenAddress(options.tlsPassthroughListen, '0.0.0.0') }),
  });
  stdout.write(options.json ? asJson(server, madeToken) : asText(server, madeToken, version));
  log.info({ listen: formatAddress(server.address), url: server.publicUrl.href }, 'listening');
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  log.info({ graceMs: options.drainGrace }, 'draining');
  await server.close();
  return 0;
}

/** The listed identities, and the one token that may do everything. */
function identitiesOf({ token, identities = [] }: OptionsOf<'server'>): IdentityOptions[] {
  return [
    ...identities,
    ...(token === undefined ? [] : [{ name: 'default', token, ...allScopes }]),
  ];
}

function asJson({ address, publicUrl }: Server, token: string | null): string {
  const line = {
    event: 'listening',
    listen: formatAddress(address),
    port: address.port,
    url: publicUrl.href,
  };
  return `${JSON.stringify(token === null ? line : { ...line, token })}\n`;
}

function asText({ address, publicUrl }: Server, token: string | null, version: string): string {
  const lines = [`sallyport ${version} listens on ${formatAddress(address)}`, ''];
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`;
  lines.push(`HTTP services  ${publicUrl.protocol}//NAME.${publicUrl.hostname}${port}/`);
  if (token !== null) {
    lines.push(
      `Token          ${token}`,
      '               made for this run and shown this once; give one with --token-file to keep it',
    );
  }
  const scheme = publicUrl.protocol === 'https:' ? 'wss' : 'ws';
  const secret = token ?? 'TOKEN';
  lines.push(
    `Your own       npx sallyport http 3000 --name web --server ${scheme}://${publicUrl.host} --token ${secret}`,
    '',
  );
  return `${lines.join('\n')}\n`;
}
