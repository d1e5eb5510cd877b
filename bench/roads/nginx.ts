import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepting, freePort } from '../ports.ts';
import type { Stage } from '../stage.ts';
import { type Hop, type Road, roadThrough } from './road.ts';

const FOR_EVER = 1_000_000_000;

/** Consumer -> nginx -> nginx -> origin. */
export async function startNginxPair(stage: Stage): Promise<Road> {
  const far = await startNginx(stage, proxyTo(await stage.originPort()));
  const near = await startNginx(stage, proxyTo(far.port));
  return roadThrough(near.port, [near.process, far.process]);
}

interface NginxOptions {
  readonly name: string;
  /** Stands inside the http block. */
  readonly http: string;
  /** Stands inside the server block. */
  readonly server: string;
}

/** Keeps its connections to the next hop, and puts no body on disk. */
function proxyTo(port: number): NginxOptions {
  return {
    name: `to-${port}`,
    http: `
  upstream next {
    server 127.0.0.1:${port};
    keepalive 64;
    keepalive_requests ${FOR_EVER};
  }`,
    server: `
    location / {
      proxy_pass http://next;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_buffers 8 64k;
      proxy_busy_buffers_size 128k;
      proxy_max_temp_file_size 0;
    }`,
  };
}

/** The web server behind every HTTP contender: `small` as /small, and the files of `folder`. */
export function startOrigin(stage: Stage, folder: string, small: string): Promise<Hop> {
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
async function startNginx(stage: Stage, options: NginxOptions): Promise<Hop> {
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
