import { FOR_EVER, startNginx, type NginxOptions } from '../nginx.ts';
import type { Stage } from '../stage.ts';
import { type Road, roadThrough } from './road.ts';

/** Consumer -> nginx -> nginx -> origin. */
export async function startNginxPair(stage: Stage): Promise<Road> {
  const far = await startNginx(stage, proxyTo(await stage.originPort()));
  const near = await startNginx(stage, proxyTo(far.port));
  return roadThrough(near.port, [near.process, far.process]);
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
