/** `sallyport demo`: a server, an agent and a sample web app in one process, and one request through them. */
import http from 'node:http';
import { createAllowList } from '../../access/allow.ts';
import { allScopes } from '../../access/identity.ts';
import { createToken } from '../../access/tokens.ts';
import { createAgent } from '../../agent/agent.ts';
import type { OptionsOf } from '../../config/schema.ts';
import { SallyportError } from '../../errors.ts';
import { DRAIN_GRACE_MS, HANDSHAKE_TIMEOUT_MS, HEARTBEAT_MS } from '../../limits.ts';
import { createAccessLog } from '../../observe/access-writer.ts';
import { createLogger } from '../../observe/logger.ts';
import type { Server } from '../../server/handle.ts';
import { createServer } from '../../server/server.ts';
import type { CommandContext } from '../context.ts';
import { startSampleApp } from '../sample-app.ts';

const PORT = 8080;

export async function run(context: CommandContext<OptionsOf<'demo'>>): Promise<number> {
  const { options, signal, stdout, version } = context;
  const log = createLogger({ level: 'warn', format: 'auto' });
  const token = createToken();
  const program = `sallyport/${version}`;
  const app = await startSampleApp();
  const server = await startServer(token, program);
  const stop = new AbortController();
  const attached = Promise.withResolvers<void>();
  const agent = createAgent({
    server: new URL(`ws://127.0.0.1:${server.address.port}`),
    token,
    program,
    heartbeatMs: HEARTBEAT_MS,
    keepTrying: false,
    drainGraceMs: options.once ? 0 : DRAIN_GRACE_MS,
    accessLog: createAccessLog(log, false),
    services: [
      {
        offer: { name: 'demo', kind: 'http' },
        target: { kind: 'tcp', host: '127.0.0.1', port: app.port, tls: false },
        allow: createAllowList([]),
        insecureTarget: false,
      },
    ],
    events: { registered() {}, ready: attached.resolve, lost: (error) => attached.reject(error) },
  });
  const running = agent.run(stop.signal);
  running.catch(attached.reject);
  try {
    await attached.promise;
    const url = `http://demo.localhost:${server.address.port}/`;
    const answer = await request(server.address.port, url);
    stdout.write(
      options.json ? asJson(url, answer) : asText(url, answer, server.address.port, token),
    );
    if (answer.status !== 200) return 1;
    if (!options.once) await untilAborted(signal);
    return 0;
  } finally {
    stop.abort();
    await running.catch(() => {});
    await server.close(0);
    app.close();
  }

  async function startServer(secret: string, name: string): Promise<Server> {
    const identities = [{ name: 'demo', token: secret, ...allScopes }];
    const at = (port: number): Promise<Server> =>
      createServer({ listen: { host: '127.0.0.1', port }, identities, program: name, log });
    try {
      return await at(PORT);
    } catch (thrown) {
      if (thrown instanceof SallyportError && thrown.code === 'LISTEN_FAILED') return at(0);
      throw thrown;
    }
  }
}

interface Answer {
  status: number;
  bytes: number;
  ms: number;
}

/** One request as a browser would send it, without asking the resolver for `*.localhost`. */
async function request(port: number, url: string): Promise<Answer> {
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = {
    host: '127.0.0.1',
    port,
    headers: { Host: new URL(url).host },
    agent: false,
    timeout: HANDSHAKE_TIMEOUT_MS,
  };
  http
    .get(options, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, bytes, ms: performance.now() - startedAt }),
      );
    })
    .on('timeout', () =>
      reject(new SallyportError('RESPONSE_TIMEOUT', `demo: no answer from ${url}`)),
    )
    .on('error', reject);
  return promise;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function asJson(url: string, { status, bytes, ms }: Answer): string {
  return `${JSON.stringify({ url, status, bytes, ms: Math.round(ms * 10) / 10 })}\n`;
}

function asText(url: string, { status, bytes, ms }: Answer, port: number, token: string): string {
  return `GET ${url} -> ${status}, ${bytes} bytes in ${ms.toFixed(1)} ms, through server and agent

Open       ${url}
Your own   npx sallyport http 3000 --name web --server ws://127.0.0.1:${port} --token ${token}
           then open http://web.localhost:${port}/
ssh        npx sallyport tcp 22 --name box --server ws://127.0.0.1:${port} --token ${token}
           ssh -o ProxyCommand='npx sallyport connect %h --server ws://127.0.0.1:${port} --token ${token}' user@box

Ctrl-C ends it.
`;
}
