/** Clients of reverst in this process, on a server of the test's. */
import type { TestContext } from 'node:test';
import {
  createReverstClient,
  type ReverstClient,
  type ReverstClientOptions,
} from '../../src/compat/reverst/client/client.ts';
import { createRequestTarget } from '../../src/compat/reverst/client/request-target.ts';
import { createFetchTarget } from '../../src/agent/fetch-target.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { RequestLine } from '../../src/observe/access-log.ts';
import type { Certificate } from './files.ts';

export interface RunningClient {
  readonly client: ReverstClient;
  /** `registered`, `lost CODE`, `lost CODE again`, in order. */
  readonly calls: readonly string[];
  readonly errors: readonly (SallyportError | null)[];
  readonly waits: readonly number[];
  readonly lines: readonly RequestLine[];
  /** Settles as `run` does. */
  readonly over: Promise<void>;
  stop(): void;
}

/** Answers PONG where no target is given. Ends with the test. */
export function runReverstClient(
  t: TestContext,
  server: { readonly port: number; readonly certificate: Certificate },
  changed: Partial<ReverstClientOptions> = {},
): RunningClient {
  const calls: string[] = [];
  const errors: (SallyportError | null)[] = [];
  const waits: number[] = [];
  const lines: RequestLine[] = [];
  const stop = new AbortController();
  const client = createReverstClient({
    server: { host: '127.0.0.1', port: server.port },
    serverName: 'localhost',
    ca: server.certificate.cert,
    group: 'flipt.dev.local',
    authorization: `Basic ${btoa('user:pass')}`,
    target: createRequestTarget(
      createFetchTarget(
        () => new Response('PONG'),
        () => {},
      ),
      false,
    ),
    idleTimeoutMs: 20_000,
    keepAliveMs: 10_000,
    keepTrying: false,
    drainGraceMs: 10_000,
    accessLog: { stream() {}, request: (line) => void lines.push({ ...line, path: line.path }) },
    events: {
      registered: () => void calls.push('registered'),
      lost(error, waitMs, again) {
        calls.push(`lost ${error?.code ?? 'null'}${again ? ' again' : ''}`);
        errors.push(error);
        waits.push(waitMs);
      },
    },
    ...changed,
  });
  const over = client.run(stop.signal);
  over.catch(() => {});
  t.after(async () => {
    stop.abort();
    await over.catch(() => {});
  });
  return { client, calls, errors, waits, lines, over, stop: () => stop.abort() };
}
