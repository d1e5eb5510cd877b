import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { verifyAudit } from '../../src/events/audit/verify.ts';
import type { SallyportEvent } from '../../src/events/event.ts';
import { temporaryFile, temporaryFolder } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { startProgram } from '../support/program.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startServer, startService, testToken } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';
import { receiveWebhooks } from '../support/webhook-receiver.ts';

const canaries = {
  token: testToken,
  signature: 'canary-of-a-webhook-secret',
  url: 'canary-of-a-webhook-url',
  query: 'canary-of-a-query',
  cookie: 'canary-of-a-cookie',
  rendezvous: 'canary-of-a-rendezvous-00',
};

/** Entries of an audit file, oldest first. */
function entries(file: string): SallyportEvent[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { entry: SallyportEvent }).entry);
}

async function start(t: TestContext) {
  const receiver = await receiveWebhooks(t, canaries.signature);
  const audit = path.join(temporaryFolder(t), 'audit.ndjson');
  const metricsPort = await freePort();
  const config = temporaryFile(
    t,
    'server.yaml',
    `request_events: all
audit_file: ${audit}
metrics_listen: ${metricsPort}
webhooks:
  - url: ${receiver.url}?${canaries.url}
    secret: ${canaries.signature}
    types: [client.*, service.*, server.*]
`,
  );
  const server = await startServer(t, ['--config', config, '--log-level', 'debug']);
  const origin = await startOrigin(t);
  const service = await startService(t, server, ['http', origin.address, '--name', 'web'], {
    env: { SALLYPORT_RENDEZVOUS_TOKEN: canaries.rendezvous },
  });
  const metrics = async (): Promise<string> =>
    (await ask({ port: metricsPort, path: '/metrics' })).text;
  return { receiver, audit, metrics, server, service };
}

test('what happens is in the audit file, at the webhook and in the metrics, and no secret is', async (t) => {
  const { receiver, audit, metrics, server, service } = await start(t);
  const { port } = server;
  const headers = { cookie: canaries.cookie };
  await ask({ port, host: 'web.localhost', path: `/?${canaries.query}`, headers });
  await ask({ port, path: `/_token/${canaries.rendezvous}/status/500` });
  await ask({ port, path: `/_token/${canaries.rendezvous}x` });
  const text = await metrics();
  assert.match(text, /^sallyport_clients\{role="agent",protocol="sallyport"\} 1$/m);
  assert.match(text, /^sallyport_services 1$/m);
  assert.match(text, /^sallyport_streams_opened_total 2$/m);
  assert.match(text, /_duration_seconds_count\{service="web",status="2xx"\} 1$/m);
  assert.match(text, /_duration_seconds_count\{service="web",status="5xx"\} 1$/m);
  assert.match(text, /^sallyport_http_requests_failed_total\{code="ROUTE_UNKNOWN"\} 1$/m);
  assert.match(text, /^sallyport_stream_bytes_total\{service="web",direction="down"\} [1-9]\d+$/m);
  assert.match(text, /^sallyport_event_sink_lost_total\{sink="audit"\} 0$/m);

  await service.program.end();
  await until('its end is told', () => receiver.events.some(({ type }) => type === 'client.down'));
  assert.deepEqual(await server.program.end(), { code: 0, signal: null });
  const told = entries(audit).map(({ type }) => type);
  assert.equal((await verifyAudit([audit])).broken, null);
  assert.deepEqual(told.slice(0, 3), ['audit.opened', 'client.up', 'service.up']);
  assert.deepEqual(told.slice(-3), ['service.down', 'client.down', 'server.draining']);
  const requests = Array<string>(3).fill('http.request');
  const streams = ['stream.closed', 'stream.closed', 'stream.opened', 'stream.opened'];
  assert.deepEqual(told.slice(3, -3).toSorted(), [...requests, ...streams]);
  assert.deepEqual(
    receiver.events.map(({ type }) => type),
    ['client.up', 'service.up', 'service.down', 'client.down', 'server.draining'],
  );
  const shown = { audit: readFileSync(audit, 'utf8'), text, bodies: receiver.bodies.join('\n') };
  for (const [name, canary] of Object.entries(canaries)) {
    for (const [place, output] of Object.entries(shown))
      assert.ok(!output.includes(canary), `${name} in ${place}`);
    // The access log has queries, as those of web servers do.
    if (name !== 'query') assert.ok(!server.program.err().includes(canary), `${name} in the log`);
  }
});

test('what a server tells at its very end is in the audit file: clients that it let go, and streams', async (t) => {
  const { audit, server } = await start(t);
  const slow = ask({ port: server.port, host: 'web.localhost', path: '/slow/200' });
  await until('it is under way', () => entries(audit).some(({ type }) => type === 'stream.opened'));
  await server.program.end();
  assert.equal((await slow).status, 200);
  const told = entries(audit).map(({ type }) => type);
  assert.deepEqual(told.slice(-5).toSorted(), [
    'client.down',
    'http.request',
    'server.draining',
    'service.down',
    'stream.closed',
  ]);
  assert.equal((await verifyAudit([audit])).broken, null);
});

test('a server that cannot write its audit file does not start, and says where and why', async (t) => {
  const file = temporaryFile(t, 'audit', 'not an audit file\n');
  const program = startProgram(t, ['server', '--listen', '127.0.0.1:0', '--audit-file', file]);
  const { code } = await program.ended();
  assert.equal(code, 2);
  assert.match(program.err(), /CONFIG_INVALID: audit_file: \S+: it does not end like an intact/);
  assert.equal(readFileSync(file, 'utf8'), 'not an audit file\n');
});
