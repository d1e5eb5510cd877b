/** What both clients of callback make of their surroundings. */
import net from 'node:net';
import type { WayOut } from '../../transport/outgoing/way-out.ts';
import type { KingpinFlag } from './kingpin-flags.ts';

export const clientFlags = {
  server: {
    value: 'URL',
    help: 'The server: http, https, ws or wss, with its context path.',
    required: true,
  },
  timeout: { value: 'DURATION', help: 'Longest wait for the connection to stand.', initial: '5s' },
  'proxy.buffer-size': {
    value: 'BYTES',
    help: 'Taken for the sake of older scripts: buffers find their size by themselves.',
    initial: '1024',
  },
} as const satisfies Record<string, KingpinFlag>;

/** Proxies come from the environment, and as in Go programs never for this machine itself. */
export function wayOutOf(url: URL, env: NodeJS.ProcessEnv): WayOut {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const here = host === 'localhost' || (net.isIP(host) !== 0 && /^(?:127\.|::1$)/.test(host));
  return here ? { proxy: null } : { env };
}
