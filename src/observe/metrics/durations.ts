/**
 * A histogram of durations by service and class of status, which prom-client shows like one of its
 * own. Its counts are plain numbers: counting, which happens for every request, allocates nothing.
 */
import type { Histogram, Registry } from 'prom-client';

/** Upper bounds in seconds: from a page out of a cache to a report that takes its time. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** By the first digit of the status; `none` where no response was sent. */
const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** A line of the metric. */
interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The requests of one service and class. */
class Series {
  /** By bound, the ones above the last bound too; not cumulative. */
  readonly counts = new Float64Array(BOUNDS_S.length + 1);
  sum = 0;

  add(seconds: number): void {
    let at = 0;
    while (at < BOUNDS_S.length && seconds > BOUNDS_S[at]) at++;
    this.counts[at]++;
    this.sum += seconds;
  }
}

/** What the registry asks of its metrics is all there: what they are, and `get`. */
export class Durations {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  /** By service, then by class; null where there was none. */
  readonly #series = new Map<string, (Series | null)[]>();

  constructor(name: string, help: string, registry: Registry) {
    this.name = name;
    this.help = help;
    registry.registerMetric(this as unknown as Histogram);
  }

  /** A request took `ms` milliseconds. The number of services is the caller's to bound. */
  count(service: string, status: number, ms: number): void {
    let classes = this.#series.get(service);
    if (classes === undefined) {
      classes = CLASSES.map(() => null);
      this.#series.set(service, classes);
    }
    const at = Math.floor(status / 100);
    (classes[at] ??= new Series()).add(ms / 1_000);
  }

  get(): Promise<unknown> {
    const { name, help, type, aggregator } = this;
    return Promise.resolve({ name, help, type, aggregator, values: [...this.#lines()] });
  }

  *#lines(): Iterable<Line> {
    for (const [service, classes] of this.#series) {
      for (const [at, series] of classes.entries()) {
        if (series === null) continue;
        const labels = { service, status: CLASSES[at] };
        let value = 0;
        for (const [index, count] of series.counts.entries()) {
          const le = BOUNDS_S[index] ?? '+Inf';
          value += count;
          yield { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value };
        }
        yield { metricName: `${this.name}_sum`, labels, value: series.sum };
        yield { metricName: `${this.name}_count`, labels, value };
      }
    }
  }
}
