/** `sallyport server`: the public server. */
import { createPolicyChain } from '../../access/policy/chain.ts';
import { createToken } from '../../access/tokens.ts';
import { maskedOptions } from '../../config/masked.ts';
import type { OptionsOf } from '../../config/schema.ts';
import type { Configuration } from '../../control/host.ts';
import { formatAddress } from '../../net/address.ts';
import type { Server } from '../../server/handle.ts';
import { createServer } from '../../server/server.ts';
import type { CommandContext } from '../context.ts';
import { loadDialects } from '../dialects.ts';
import { onHangup } from '../hangup.ts';
import { followConfig } from '../live-config.ts';
import { createLogs } from '../logs.ts';
import { fixedOptions, liveOptions, namesCredentials } from '../server-options.ts';

export async function run(context: CommandContext<OptionsOf<'server'>>): Promise<number> {
  const { options, loaded, load, signal, stdout, stderr, version } = context;
  await using logs = createLogs(options, stderr);
  const { log, accessLogger } = logs;
  const madeToken = namesCredentials(options) ? null : createToken();
  let policy = await createPolicyChain(options.policy ?? []);
  const fixed = fixedOptions(options);
  const configuration: Configuration = {
    options: () => maskedOptions('server', config.options),
    reload: () => config.reload(),
    get problems() {
      return config.problems;
    },
    get restart() {
      return config.restart;
    },
  };
  const server = await createServer({
    ...fixed,
    control: { ...fixed.control, configuration },
    ...liveOptions(options, madeToken, policy),
    program: `sallyport/${version}`,
    log,
    accessLogger,
    dialects: await loadDialects(options, context.env),
  });
  const config = followConfig({
    loaded,
    load,
    async apply(next, changed) {
      const before = policy;
      if (changed.includes('policy')) policy = await createPolicyChain(next.policy ?? []);
      try {
        server.reload(liveOptions(next, madeToken, policy));
      } catch (thrown) {
        if (policy !== before) policy.close();
        policy = before;
        throw thrown;
      }
      log.level = next.logLevel;
    },
    events: server.events,
    log,
  });
  const hangup = onHangup(() => void config.reload().catch(() => {}));
  stdout.write(options.json ? asJson(server, madeToken) : asText(server, madeToken, version));
  log.info({ listen: formatAddress(server.address), url: server.publicUrl.href }, 'listening');
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  hangup();
  config.close();
  log.info({ graceMs: config.options.drainGrace }, 'draining');
  await server.close();
  return 0;
}

function asJson({ address, controlAddress, publicUrl }: Server, token: string | null): string {
  const line = {
    event: 'listening',
    listen: formatAddress(address),
    port: address.port,
    url: publicUrl.href,
    ...(controlAddress === null ? {} : { control: formatAddress(controlAddress) }),
  };
  return `${JSON.stringify(token === null ? line : { ...line, token })}\n`;
}

function asText(server: Server, token: string | null, version: string): string {
  const { address, controlAddress, publicUrl } = server;
  const lines = [`sallyport ${version} listens on ${formatAddress(address)}`, ''];
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`;
  lines.push(`HTTP services  ${publicUrl.protocol}//NAME.${publicUrl.hostname}${port}/`);
  if (controlAddress !== null) lines.push(`Control        ${formatAddress(controlAddress)}`);
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
