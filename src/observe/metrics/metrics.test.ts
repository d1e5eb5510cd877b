import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestLine } from '../access-log.ts';
import { createLabelValues } from './label-values.ts';
import { Registry } from './prom-client.ts';
import { addProcessMetrics } from './process.ts';
import { addCounter, addGauge } from './readings.ts';
import { createRequestMetrics } from './requests.ts';

const line: RequestLine = {
  id: 'r1',
  service: 'web',
  consumer: '192.0.2.1:1',
  method: 'GET',
  host: 'web.localhost',
  path: '/',
  status: 200,
  bytesUp: 0,
  bytesDown: 0,
  ms: 30,
  outcome: 'ok',
};

test('the first names are labels of their own, later ones share one, for good', () => {
  const label = createLabelValues(2);
  assert.deepEqual(['a', 'b', 'c', 'a', 'c', 'b'].map(label), [
    'a',
    'b',
    'other',
    'a',
    'other',
    'b',
  ]);
});

test('requests are counted by service and class of status, failures by code', async () => {
  const registry = new Registry();
  const { request, stream } = createRequestMetrics({ registry, label: createLabelValues(1) });
  request(line);
  request({ ...line, status: 404, ms: 3 });
  request({ ...line, status: 0, outcome: 'closed' });
  request({ ...line, service: 'api', status: 503, outcome: 'SERVICE_ABSENT' });
  stream(line);
  const text = await registry.metrics();
  const count = (service: string, status: string) =>
    new RegExp(`_count\\{service="${service}",status="${status}"\\} 1$`, 'm');
  for (const status of ['2xx', '4xx', 'none']) assert.match(text, count('web', status));
  assert.match(text, count('other', '5xx'));
  assert.match(text, /_bucket\{le="0.025",service="web",status="2xx"\} 0$/m);
  assert.match(text, /_bucket\{le="0.05",service="web",status="2xx"\} 1$/m);
  assert.match(text, /_sum\{service="web",status="2xx"\} 0.03$/m);
  assert.match(text, /failed_total\{code="closed"\} 1$/m);
  assert.match(text, /failed_total\{code="SERVICE_ABSENT"\} 1$/m);
  assert.ok(!text.includes('code="ok"'));
});

test('what is read when asked shows what is there then: values go, and counters keep their sum', async () => {
  const registry = new Registry();
  let names = ['a', 'b'];
  let total = 5;
  addGauge(registry, {
    name: 'here',
    help: 'x',
    labels: ['name'],
    read: () => names.map((name) => ({ labels: { name }, value: 1 })),
  });
  addCounter(registry, { name: 'all_total', help: 'x', read: () => total });
  assert.match(
    await registry.metrics(),
    /here\{name="a"\} 1\nhere\{name="b"\} 1\n[^]*\nall_total 5$/m,
  );
  names = ['b'];
  total = 7;
  const text = await registry.metrics();
  assert.match(text, /all_total 7$/m);
  assert.ok(!text.includes('name="a"'));
});

test('the process tells its memory, time and lag in sane figures', async (t) => {
  const registry = new Registry();
  t.after(addProcessMetrics(registry));
  const text = await registry.metrics();
  const value = (name: string): number =>
    Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
  assert.ok(value('process_resident_memory_bytes') > 10e6);
  assert.ok(value('sallyport_memory_bytes{kind="heap"}') > 1e6);
  assert.ok(Math.abs(value('process_start_time_seconds') - Date.now() / 1_000) < 600);
  assert.ok(value('process_cpu_seconds_total') > 0);
  const busy = value('sallyport_event_loop_utilization');
  assert.ok(busy >= 0 && busy <= 1, String(busy));
  assert.ok(value('sallyport_event_loop_lag_seconds{at="p99"}') >= 0);
});
