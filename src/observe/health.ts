/** The health listener of an agent, for probes: `/healthz`, `/readyz` and `/version`, as JSON. */
import { parseListenAddress } from '../net/address.ts';
import {
  createProbeListener,
  jsonAnswer,
  type ProbeAnswer,
  type ProbeListener,
} from './probe-listener.ts';

export interface HealthOptions {
  /** `HOST:PORT`, `:PORT` or `PORT`; loopback when no host is given. */
  readonly listen: string;
  /** Asked for each `/readyz`; `detail` is shown as JSON to whoever can reach the listener. */
  ready(): { readonly ready: boolean; readonly detail: unknown };
  readonly version: string;
}

/** Resolves once it listens. Rejects with USAGE for a malformed address, LISTEN_FAILED when it cannot be had. */
export async function createHealthListener(options: HealthOptions): Promise<ProbeListener> {
  return createProbeListener({
    listen: parseListenAddress(options.listen, '127.0.0.1'),
    name: 'health',
    answer: (path) => answer(path, options),
  });
}

function answer(path: string, options: HealthOptions): ProbeAnswer {
  switch (path) {
    case '/healthz':
      return jsonAnswer(200, { status: 'ok' });
    case '/readyz': {
      const { ready, detail } = options.ready();
      return jsonAnswer(ready ? 200 : 503, { ready, detail });
    }
    case '/version':
      return jsonAnswer(200, { version: options.version });
    default:
      return jsonAnswer(404, { error: 'here are /healthz, /readyz and /version' });
  }
}
