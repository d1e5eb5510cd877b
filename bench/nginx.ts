/** nginx, as a proxy on a road and as the web server at its end. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepting, freePort } from './ports.ts';
import type { Processes } from './processes.ts';
import type { Hop } from './roads/road.ts';
import type { ToolName } from './tools.ts';

/** Requests on one connection. */
export const FOR_EVER = 1_000_000_000;

/** What it needs of the stage. */
interface NginxHost {
  readonly processes: Processes;
  readonly directory: string;
  tool(name: ToolName): string;
}

export interface NginxOptions {
  readonly name: string;
  /** Stands inside the http block. */
  readonly http: string;
  /** Stands inside the server block. */
  readonly server: string;
}

/** The web server behind every HTTP contender: `small` as /small, and the files of `folder`. */
export function startOrigin(stage: NginxHost, folder: string, small: string): Promise<Hop> {
  return startNginx(stage, {
    name: 'origin',
    http: '',
    server: `
    root ${folder};
    open_file_cache max=16;
    location = /small { return 200 "${small}"; }`,
  });
}

/** One worker, no access log, connections kept as long as the peer wants. */
export async function startNginx(stage: NginxHost, options: NginxOptions): Promise<Hop> {
  const port = await freePort();
  const prefix = join(stage.directory, `nginx-${options.name}`);
  mkdirSync(prefix);
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests ${FOR_EVER};
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${options.http}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${options.server}
  }
}
`,
  );
  const process = stage.processes.start({
    name: `nginx ${options.name}`,
    path: stage.tool('nginx'),
    args: ['-p', prefix, '-c', 'nginx.conf', '-e', 'stderr'],
  });
  await accepting(port);
  return { port, process };
}
