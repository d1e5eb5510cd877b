import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepting, freePort } from '../ports.ts';
import type { Stage } from '../stage.ts';
import { type Hop, type Road, roadThrough } from './road.ts';

/** Consumer -> haproxy -> haproxy -> target. With `tls` the middle is in TLS, as an agent's link is. */
export async function startHaproxyPair(stage: Stage, options: { tls: boolean }): Promise<Road> {
  const { both, certificate } = await stage.certificate();
  const far = await startHaproxy(stage, {
    bind: options.tls ? `ssl crt ${both}` : '',
    toPort: await stage.targetPort(),
    server: '',
  });
  const near = await startHaproxy(stage, {
    bind: '',
    toPort: far.port,
    server: options.tls ? `ssl verify required ca-file ${certificate}` : '',
  });
  return roadThrough(near.port, [near.process, far.process]);
}

interface HaproxyOptions {
  /** Added to the bind line. */
  readonly bind: string;
  readonly toPort: number;
  /** Added to the server line. */
  readonly server: string;
}

/** One thread, no logging, everything else as haproxy has it by default. */
async function startHaproxy(stage: Stage, options: HaproxyOptions): Promise<Hop> {
  const port = await freePort();
  const file = join(stage.directory, `haproxy-${port}.cfg`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9000
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen hop
  bind 127.0.0.1:${port} backlog 4096 ${options.bind}
  server next 127.0.0.1:${options.toPort} ${options.server}
`,
  );
  const process = stage.processes.start({
    name: `haproxy on ${port}`,
    path: stage.tool('haproxy'),
    args: ['-db', '-q', '-f', file],
  });
  await accepting(port);
  return { port, process };
}
