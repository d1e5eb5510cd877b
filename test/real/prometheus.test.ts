import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { ask, open } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runPeer } from '../support/peer.ts';
import { deploy, startPrometheus } from '../support/prometheus.ts';
import { freePort } from '../support/tcp-targets.ts';
import { startServer, startService, testToken } from '../support/tunnel.ts';
import { until } from '../support/wait.ts';

/** A server whose metrics are served on a port of their own, with one HTTP service. */
async function start(t: TestContext) {
  const metricsPort = await freePort();
  const server = await startServer(t, ['--metrics-listen', `127.0.0.1:${metricsPort}`]);
  const origin = await startOrigin(t);
  const service = await startService(t, server, ['http', origin.address, '--name', 'web']);
  const get = (target = '/'): Promise<unknown> =>
    ask({ port: server.port, host: 'web.localhost', path: target });
  return { metricsPort, server, service, get };
}

async function promtool(words: readonly string[], input?: string): Promise<void> {
  const options = input === undefined ? {} : { input };
  const { code, out, err } = await runPeer(['promtool', ...words], options);
  assert.equal(code, 0, `${out.toString()}${err}`);
}

test('promtool finds nothing to complain of in the metrics', async (t) => {
  const { metricsPort, get } = await start(t);
  await get();
  await get('/status/500');
  const { text, headers } = await ask({ port: metricsPort, path: '/metrics' });
  assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  await promtool(['check', 'metrics'], text);
  assert.equal((await ask({ port: metricsPort, path: '/' })).status, 404);
});

test('the alerts are valid, fire when they have to, and not otherwise', async () => {
  await promtool(['check', 'rules', path.join(deploy, 'alerts.yaml')]);
  await promtool(['test', 'rules', path.join(deploy, 'alerts.test.yaml')]);
});

test('a Prometheus scrapes it; alerts and dashboard ask only for what there is', async (t) => {
  const { metricsPort, server, service, get } = await start(t);
  const { query, ask: api } = await startPrometheus(t, metricsPort);
  const value = async (expression: string): Promise<number | undefined> =>
    (await query(expression))[0]?.value;
  await until('it is scraped', async () => (await value('up{job="sallyport"}')) === 1);
  for (let n = 0; n < 5; n++) await get();
  const held = await open({ port: server.port, host: 'web.localhost', path: '/events' });
  const requests = 'sallyport_http_request_duration_seconds_count{service="web",status="2xx"}';
  await until('requests are counted', async () => (await value(requests)) === 5);
  assert.equal(await value('sallyport_clients{role="agent"}'), 1);
  assert.equal(await value('sallyport_services'), 1);
  const streams = 'sallyport_streams_open{service="web"}';
  await until('the open stream is seen', async () => (await value(streams)) === 1);
  assert.ok((await value('sallyport_stream_bytes_total{direction="down"}'))! > 0);

  const { groups } = (await api('rules')) as {
    groups: { rules: { name: string; health: string; query: string }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length >= 12);
  const names = (await api('label/__name__/values')) as string[];
  const asked = [...rules.map((rule) => rule.query), ...dashboard()];
  for (const expression of asked) {
    await query(expression);
    for (const [name] of expression.matchAll(/\b(?:sallyport|process)_[a-z_]+\b/g)) {
      // These have a series for each reason, and there was none.
      if (/_(?:failed|refused|lost)_total$|_sink_/.test(name)) continue;
      assert.ok(names.includes(name), `${name} in ${expression}`);
    }
  }

  held.destroy();
  await service.program.end();
  await until('its end is seen', async () => (await value('sallyport_services')) === 0);
});

test('a Prometheus with the credential of an admin scrapes the control API, and others do not', async (t) => {
  const { port } = await startServer(t);
  // One after the other: who guesses for long has everybody at its address wait.
  for (const [token, good] of [
    [testToken, 1],
    ['sp_wrong-token-of-a-prometheus', 0],
  ] as const) {
    const { query } = await startPrometheus(t, port, token);
    const up = async (): Promise<number | undefined> => (await query('up'))[0]?.value;
    await until('it has tried', async () => (await up()) !== undefined);
    assert.equal(await up(), good);
    assert.equal((await query('sallyport_build_info')).length, good);
  }
});

/** The expressions of the dashboard, with its variables filled in. */
function dashboard(): string[] {
  const { panels } = JSON.parse(readFileSync(path.join(deploy, 'grafana.json'), 'utf8')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  assert.ok(expressions.length > 20);
  return expressions.map((expression) =>
    expression
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$job', 'sallyport')
      .replace(/\$(?:instance|service)/g, '.*'),
  );
}
