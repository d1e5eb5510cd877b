import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ClientEvent } from '../events/event.ts';
import { createEventLog } from '../events/log.ts';
import { METRICS_SERVICES_MAX } from '../limits.ts';
import { createLiveStreams, type LiveStream } from '../registry/live-streams.ts';
import { createMetrics } from './metrics.ts';

function open(t: TestContext) {
  const events = createEventLog();
  const live = createLiveStreams();
  const metrics = createMetrics({ events, live, program: 'srv/1' });
  t.after(() => metrics.close());
  /** The lines of a metric, without its name. */
  const lines = async (name: string): Promise<string[]> =>
    (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => line.slice(name.length).trim());
  return { events, live, metrics, lines };
}

/** An open stream; `waits` for an upstream. */
function stream(id: string, service: string, sent: number, received: number, waits = false) {
  return {
    request: { id, service, kind: 'tcp', consumer: '192.0.2.1:1' },
    stream: { bytesSent: sent, bytesReceived: received },
    identity: null,
    upstream: waits ? null : {},
    openedAt: 0,
    earlier: null,
    later: null,
  } as unknown as LiveStream;
}

const head = { kind: 'tcp', consumer: '192.0.2.1:1', identity: null, target: null } as const;

test('bytes are those of open streams and of ended ones: the sum never falls, and waiting ones are none', async (t) => {
  const { events, live, lines } = open(t);
  const first = stream('a', 'web', 10, 100);
  live.add(first);
  live.add(stream('b', 'web', 1, 2));
  live.add(stream('c', 'box', 5, 0, true));
  const bytes = 'sallyport_stream_bytes_total';
  const both = ['{service="web",direction="up"} 11', '{service="web",direction="down"} 102'];
  assert.deepEqual(await lines(bytes), both);
  assert.deepEqual(await lines('sallyport_streams_open'), ['{service="web"} 2']);
  assert.deepEqual(await lines('sallyport_streams_pending'), ['1']);
  live.delete(first);
  events.publish('stream.closed', {
    ...head,
    stream: 'a',
    service: 'web',
    bytesUp: 10,
    bytesDown: 100,
    ms: 1,
    outcome: 'ok',
  });
  assert.deepEqual(await lines(bytes), both);
  assert.deepEqual(await lines('sallyport_streams_open'), ['{service="web"} 1']);
});

test('clients and services are those that are there', async (t) => {
  const { events, lines } = open(t);
  const client: ClientEvent = {
    session: 's1',
    role: 'agent',
    identity: 'ann',
    peer: '192.0.2.1:1',
    protocol: 'sallyport',
  };
  const served = { service: 'web', session: 's1', identity: 'ann' };
  events.publish('client.up', client);
  events.publish('client.up', { ...client, session: 's2', role: 'consumer', protocol: 'hubble' });
  events.publish('service.up', { ...served, kind: 'http', urls: [] });
  events.publish('service.up', { ...served, session: 's2', kind: 'http', urls: [] });
  assert.deepEqual(await lines('sallyport_clients'), [
    '{role="agent",protocol="sallyport"} 1',
    '{role="consumer",protocol="hubble"} 1',
  ]);
  assert.deepEqual(await lines('sallyport_services'), ['1']);
  assert.deepEqual(await lines('sallyport_service_registrations'), ['2']);
  events.publish('service.down', served);
  events.publish('service.down', { ...served, session: 's2' });
  events.publish('client.down', { ...client, reason: 'ok' });
  assert.deepEqual(await lines('sallyport_services'), ['0']);
  assert.equal((await lines('sallyport_clients'))[0], '{role="agent",protocol="sallyport"} 0');
});

test('refusals, log-ins, handshakes, reloads and sinks are counted by reason', async (t) => {
  const { events, metrics, lines } = open(t);
  const refusal = { ...head, stream: 'a', service: 'web', reason: 'canary' };
  events.publish('stream.refused', { ...refusal, code: 'DENIED' });
  events.publish('stream.refused', { ...refusal, code: 'DENIED' });
  events.publish('stream.opened', { ...head, stream: 'a', service: 'web' });
  events.publish('auth.failed', { door: 'attach', service: null, peer: 'x', reason: 'canary' });
  events.publish('config.refused', { problems: ['canary'] });
  events.publish('config.reloaded', { changed: [], restart: [] });
  events.publish('server.draining', { graceMs: 1 });
  metrics.handshakeFailed('tls');
  metrics.watchSink({ name: 'audit', behind: 3, lost: 2 });
  assert.deepEqual(await lines('sallyport_streams_refused_total'), ['{code="DENIED"} 2']);
  assert.deepEqual(await lines('sallyport_streams_opened_total'), ['1']);
  assert.deepEqual(await lines('sallyport_auth_failures_total'), [
    '{door="attach"} 1',
    '{door="service"} 0',
    '{door="control"} 0',
  ]);
  assert.deepEqual(await lines('sallyport_config_reloads_total'), [
    '{result="applied"} 1',
    '{result="refused"} 1',
  ]);
  assert.deepEqual(await lines('sallyport_draining'), ['1']);
  assert.deepEqual(await lines('sallyport_handshakes_failed_total'), [
    '{stage="tls"} 1',
    '{stage="hello"} 0',
  ]);
  assert.deepEqual(await lines('sallyport_event_sink_behind'), ['{sink="audit"} 3']);
  assert.deepEqual(await lines('sallyport_event_sink_lost_total'), ['{sink="audit"} 2']);
  assert.deepEqual(await lines('sallyport_build_info'), ['{program="srv/1"} 1']);
  assert.ok(!(await metrics.text()).includes('canary'));
});

test(`more than ${METRICS_SERVICES_MAX} services share the rest of the series`, async (t) => {
  const { live, lines } = open(t);
  for (let n = 0; n < METRICS_SERVICES_MAX + 5; n++) live.add(stream(`${n}`, `s${n}`, 1, 0));
  const series = await lines('sallyport_streams_open');
  assert.equal(series.length, METRICS_SERVICES_MAX + 1);
  assert.ok(series.includes('{service="other"} 5'));
});

test('closed: events are not counted any more', async (t) => {
  const { events, metrics, lines } = open(t);
  metrics.close();
  events.publish('stream.opened', { ...head, stream: 'a', service: 'web' });
  assert.deepEqual(await lines('sallyport_streams_opened_total'), ['0']);
});
