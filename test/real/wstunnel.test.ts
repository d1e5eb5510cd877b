/** WStunnel's usual surroundings: a proxy with a login before the client, nginx with TLS before the server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { startNginx } from '../support/nginx.ts';
import { noiseBytes } from '../support/noise.ts';
import { runPeer } from '../support/peer.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { rendezvous } from '../support/wstunnel-agent.ts';
import { startCli, startSrv } from '../support/wstunnel-programs.ts';

const headers = { 'X-Token': rendezvous };
const patience = { timeout: 60_000 };

test('through tinyproxy with a login: bodies both ways', patience, async (t) => {
  const origin = await startOrigin(t);
  const { port } = await startSrv(t);
  const proxy = await startTinyproxy(t, port);
  const server = ['-server', `http://${origin.address}`];
  await startCli(t, port, [...server, '-proxy', `http://ann:hunter2@127.0.0.1:${proxy}`]);
  const body = noiseBytes(12_000_000);
  const reply = await ask({ port, path: '/echo', method: 'POST', headers, body });
  assert.ok(reply.body.equals(body));
});

test(
  'through nginx as the README of the original sets it up, wss and https, and tinyproxy before it',
  patience,
  async (t) => {
    const origin = await startOrigin(t);
    const srv = await startSrv(t);
    const front = await freePort();
    const folder = temporaryFolder(t);
    const { cert, key } = await makeCertificate('localhost');
    const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key);
    await startNginx(
      t,
      front,
      `server {
      listen 127.0.0.1:${front} ssl;
      server_name localhost;
      client_max_body_size 20m;
      ssl_certificate ${files.cert};
      ssl_certificate_key ${files.key};
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Host $host;
      proxy_redirect off;
      proxy_max_temp_file_size 0;
      location / {
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "Upgrade";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_buffering off;
        proxy_pass http://127.0.0.1:${srv.port};
      }
    }`,
    );
    const proxy = await startTinyproxy(t, front);
    const tunnel = ['-tunnel', `wss://localhost:${front}`, '-ca', files.cert];
    const way = ['-proxy', `http://ann:hunter2@127.0.0.1:${proxy}`];
    await startCli(t, srv.port, [...tunnel, ...way, '-server', `http://${origin.address}`]);
    const curl = ['curl', '-sS', '--cacert', files.cert];
    const url = `https://localhost:${front}`;
    const byPath = await runPeer([...curl, `${url}/_token/${rendezvous}/whoami`]);
    assert.equal(String(byPath.out), 'origin', byPath.err);
    const byField = await runPeer([...curl, '-H', `X-Token:${rendezvous}`, `${url}/whoami`]);
    assert.equal(String(byField.out), 'origin', byField.err);
    const body = noiseBytes(12_000_000);
    const echoed = await runPeer(
      [...curl, '-H', `X-Token:${rendezvous}`, '--data-binary', '@-', `${url}/echo`],
      { input: body },
    );
    assert.ok(echoed.out.equals(body), echoed.err);
    const stats = await runPeer([...curl, `${url}/_stats`]);
    assert.match(String(stats.out), /More stats available when called from localhost/);
  },
);
