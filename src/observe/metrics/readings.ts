/** Metrics whose value is kept elsewhere and read when somebody asks. */
import type { Registry } from 'prom-client';
import { Counter, Gauge } from './prom-client.ts';

/** A value by its labels. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadingOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** A plain number is a metric without labels. */
  read(): number | Iterable<Reading>;
}

/** What may go up and down. */
export function addGauge(registry: Registry, options: ReadingOptions): void {
  void new Gauge({
    ...described(registry, options),
    collect() {
      this.reset();
      for (const { labels, value } of readings(options)) this.set(labels, value);
    },
  });
}

/** What only grows. */
export function addCounter(registry: Registry, options: ReadingOptions): void {
  void new Counter({
    ...described(registry, options),
    collect() {
      this.reset();
      for (const { labels, value } of readings(options)) this.inc(labels, value);
    },
  });
}

function described(registry: Registry, { name, help, labels = [] }: ReadingOptions) {
  return { name, help, labelNames: labels, registers: [registry] };
}

function readings({ read }: ReadingOptions): Iterable<Reading> {
  const value = read();
  return typeof value === 'number' ? [{ labels: {}, value }] : value;
}
