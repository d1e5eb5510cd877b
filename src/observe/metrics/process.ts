/** What the process itself uses: read when asked, except for the lag of the event loop. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { addCounter, addGauge } from './readings.ts';

/** The timer that finds out about lag fires this often: rare enough to cost nothing. */
const LAG_RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;
const percentiles = { p50: 50, p99: 99, max: 100 } as const;

/** Returns what ends the measuring. */
export function addProcessMetrics(registry: Registry): () => void {
  addGauge(registry, {
    name: 'process_start_time_seconds',
    help: 'Start of the process, in seconds since 1970.',
    read: () => Math.round(performance.timeOrigin / 1_000),
  });
  addCounter(registry, {
    name: 'process_cpu_seconds_total',
    help: 'Processor time that the process has used.',
    read() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  });
  addGauge(registry, {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process in RAM.',
    read: () => process.memoryUsage.rss(),
  });
  addGauge(registry, {
    name: 'sallyport_memory_bytes',
    help: 'Memory of the program: objects (heap), and buffers for what is read and not passed on yet.',
    labels: ['kind'],
    read() {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return [
        { labels: { kind: 'heap' }, value: heapUsed },
        { labels: { kind: 'buffers' }, value: arrayBuffers },
      ];
    },
  });
  return addLoopMetrics(registry);
}

function addLoopMetrics(registry: Registry): () => void {
  const intervals = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  intervals.enable();
  const lateSeconds = (percent: number): number =>
    Math.max(0, intervals.percentile(percent) / NS_PER_MS - LAG_RESOLUTION_MS) / 1_000;
  addGauge(registry, {
    name: 'sallyport_event_loop_lag_seconds',
    help: 'How late the event loop was since the last look: the median, the 99th percentile, the worst.',
    labels: ['at'],
    read() {
      const found = Object.entries(percentiles).map(([at, percent]) => ({
        labels: { at },
        value: lateSeconds(percent),
      }));
      intervals.reset();
      return found;
    },
  });
  let before = performance.eventLoopUtilization();
  addGauge(registry, {
    name: 'sallyport_event_loop_utilization',
    help: 'Part of the time that the event loop was at work since the last look, from 0 to 1.',
    read() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
  });
  return () => intervals.disable();
}
