/** sokken behind haproxy, which ends the TLS and tells who the client was. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { TunnelRequest } from '../../src/compat/sokken/tunnel.ts';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { noiseBytes } from '../support/noise.ts';
import { runPeer, startPeer } from '../support/peer.ts';
import { startSokkenClient, startSokkenServer } from '../support/sokken.ts';
import { startSshd } from '../support/sshd.ts';
import { converse, freePort, startEcho } from '../support/tcp-targets.ts';

test('tunnels, half-closes and ssh through haproxy', async (t) => {
  const [echo, sshd] = [await startEcho(t), await startSshd(t)];
  const allow = [echo.address, `127.0.0.1:${sshd.port}`];
  const joined: TunnelRequest[] = [];
  const none = (): void => {};
  const events = { rejected: none, dialing: none, failed: none, over: none };
  const server = await startSokkenServer(t, allow, {
    events: { ...events, joined: (request) => void joined.push(request) },
  });
  const folder = temporaryFolder(t);
  const { cert, key } = await makeCertificate('127.0.0.1');
  writeFileSync(path.join(folder, 'pair.pem'), `${cert}\n${key}\n`);
  const port = await freePort();
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 100
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout tunnel 60s
frontend public
  bind 127.0.0.1:${port} ssl crt ${folder}/pair.pem
  option forwardfor
  default_backend sokken
backend sokken
  server one 127.0.0.1:${server.port}
`,
  );
  await startPeer(t, ['haproxy', '-db', '-f', file], port);
  const urls = allow.map((address) => `wss://127.0.0.1:${port}/tunnel/${address}`);
  const { client } = await startSokkenClient(t, urls, {}, { wayOut: { tls: { ca: cert } } });
  const [first, second] = client.addresses;
  const sent = noiseBytes(4 * 1024 * 1024);
  assert.ok((await converse(first.port, sent)).equals(sent));
  assert.equal(joined[0].forwardedFor, '127.0.0.1');
  const words = ['ssh', ...sshd.options, '-p', String(second.port), '127.0.0.1', 'cat; exit 3'];
  const { code, out, err } = await runPeer(words, { input: sent });
  assert.equal(code, 3, err);
  assert.ok(sent.equals(out));
});
