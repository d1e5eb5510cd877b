import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { startOrigin } from '../support/http-origin.ts';
import { startNginx } from '../support/nginx.ts';
import { noiseBytes } from '../support/noise.ts';
import { startPeer } from '../support/peer.ts';
import { converse, freePort, startEcho } from '../support/tcp-targets.ts';
import { startServer, startService } from '../support/tunnel.ts';
import { within } from '../support/wait.ts';

const host = 'web.localhost';

async function startHaproxy(t: TestContext, port: number, sections: string): Promise<void> {
  const file = path.join(temporaryFolder(t), 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 1000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
${sections}
`,
  );
  await startPeer(t, ['haproxy', '-db', '-f', file], port);
}

type FrontProxy = (t: TestContext, port: number, server: number, folder: string) => Promise<void>;

/** Both end the TLS in front of the server and tell it who the client was. */
const frontProxies: Record<string, FrontProxy> = {
  haproxy: (t, port, server, folder) =>
    startHaproxy(
      t,
      port,
      `frontend public
  bind 127.0.0.1:${port} ssl crt ${folder}/pair.pem
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-For %[src]
  default_backend sallyport
backend sallyport
  server one 127.0.0.1:${server}`,
    ),
  nginx: (t, port, server, folder) =>
    startNginx(
      t,
      port,
      `server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${folder}/pair.pem;
        ssl_certificate_key ${folder}/pair.pem;
        location / {
          proxy_pass http://127.0.0.1:${server};
          proxy_http_version 1.1;
          proxy_buffering off;
          proxy_request_buffering off;
          proxy_read_timeout 1h;
          proxy_set_header Host $host;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $connection_upgrade;
          proxy_set_header X-Forwarded-For $remote_addr;
          proxy_set_header X-Forwarded-Proto https;
        }
      }`,
    ),
};

for (const [name, start] of Object.entries(frontProxies)) {
  test(`behind ${name} that ends the TLS: agents, requests and WebSockets pass, the client is known`, async (t) => {
    const folder = temporaryFolder(t);
    const certificate = await makeCertificate('localhost', host, '127.0.0.1');
    writeFileSync(path.join(folder, 'pair.pem'), `${certificate.cert}\n${certificate.key}`);
    writeFileSync(path.join(folder, 'ca.pem'), certificate.cert);
    const port = await freePort();
    const server = await startServer(t, ['--trusted-proxies', '127.0.0.1']);
    await start(t, port, server.port, folder);

    const origin = await startOrigin(t);
    const echo = await startEcho(t);
    const through = ['--server', `wss://127.0.0.1:${port}`, '--ca', path.join(folder, 'ca.pem')];
    await startService(t, server, ['http', origin.address, '--name', 'web', ...through]);
    const box = await startService(t, server, [
      'tcp',
      echo.address,
      '--name',
      'box',
      '--port',
      '0',
      ...through,
    ]);
    const sent = noiseBytes(8 * 1024 * 1024);
    assert.ok(sent.equals(await converse(box.assigned.port!, sent)), 'bulk through the proxy');

    const secure = { port, host: '127.0.0.1', servername: host, ca: certificate.cert };
    const request = https.get({
      ...secure,
      localAddress: '127.0.0.2',
      headers: { host },
      agent: false,
    });
    const [response] = (await within(5_000, once(request, 'response'))) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 200);
    const seen = origin.heads[0] ?? '';
    assert.match(seen, /^x-forwarded-for: 127\.0\.0\.2, ?127\.0\.0\.1$/im);
    assert.match(seen, /^x-forwarded-proto: https$/im);

    const socket = new WebSocket(`wss://127.0.0.1:${port}/chat`, { ...secure, headers: { host } });
    await within(5_000, once(socket, 'open'));
    socket.send('hello');
    const [text] = (await within(5_000, once(socket, 'message'))) as [Buffer];
    assert.equal(text.toString(), 'hello');
    socket.terminate();
  });
}

for (const [version, word] of [
  ['v1', 'send-proxy'],
  ['v2', 'send-proxy-v2'],
] as const) {
  test(`haproxy tells the server with PROXY ${version} who the client is`, async (t) => {
    const origin = await startOrigin(t);
    const server = await startServer(t, ['--proxy-protocol-from', '127.0.0.5']);
    await startService(t, server, ['http', origin.address, '--name', 'web']);
    const port = await freePort();
    await startHaproxy(
      t,
      port,
      `frontend public
  mode tcp
  bind 127.0.0.1:${port}
  default_backend sallyport
backend sallyport
  mode tcp
  source 127.0.0.5
  server one 127.0.0.1:${server.port} ${word}`,
    );
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    socket.end(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    let answer = '';
    for await (const piece of socket) answer += String(piece);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(origin.heads[0] ?? '', /^x-forwarded-for: 127\.0\.0\.2$/im);
  });

  test(`the agent tells haproxy with PROXY ${version} who the consumer is`, async (t) => {
    const target = await freePort();
    await startHaproxy(
      t,
      target,
      `frontend inner
  bind 127.0.0.1:${target} accept-proxy
  http-request return content-type text/plain lf-string "%[src] to %[dst_port]"`,
    );
    const server = await startServer(t);
    const words = ['tcp', `127.0.0.1:${target}`, '--name', 'box', '--port', '0'];
    const service = await startService(t, server, [...words, '--proxy-protocol', version]);
    const port = service.assigned.port!;
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' });
    socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let answer = '';
    for await (const piece of socket) answer += String(piece);
    assert.match(answer, new RegExp(`127\\.0\\.0\\.3 to ${port}$`));
  });
}
