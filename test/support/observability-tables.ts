/** The tables of docs/observability.md, made from what they describe. */
import { z } from 'zod';
import { createEventLog } from '../../src/events/log.ts';
import { eventSchema } from '../../src/events/schema.ts';
import { createLiveStreams } from '../../src/registry/live-streams.ts';
import { createMetrics } from '../../src/server/metrics.ts';

interface Described {
  readonly description?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
}

interface DescribedEvent extends Described {
  readonly properties: Readonly<Record<string, Described>>;
}

/** Longer lists of values are told in words. */
const VALUES_SHOWN_MAX = 6;

/** What every event has. */
const common = new Set(['seq', 'time', 'type']);

function events(): readonly DescribedEvent[] {
  const schema = z.toJSONSchema(eventSchema) as { oneOf: readonly DescribedEvent[] };
  return schema.oneOf;
}

export function eventTable(): string {
  const rows = events().map(({ description, properties }) => {
    const fields = Object.keys(properties).filter((name) => !common.has(name));
    const shown = fields.map((name) => `\`${name}\``).join(' ');
    return `| \`${properties['type'].const}\` | ${description} | ${shown} |`;
  });
  return ['| type | when | fields |', '|---|---|---|', ...rows].join('\n');
}

/** Each field once; where it means different things, all of them. */
export function fieldTable(): string {
  const meanings = new Map<string, Set<string>>();
  for (const { properties } of events()) {
    for (const [name, property] of Object.entries(properties)) {
      const meant = meanings.get(name) ?? new Set();
      meanings.set(name, meant.add(meaning(property)));
    }
  }
  const rows = [...meanings]
    .filter(([name]) => name !== 'type')
    .map(([name, meant]) => `| \`${name}\` | ${[...meant].filter(Boolean).join(' · ')} |`);
  return ['| field | |', '|---|---|', ...rows].join('\n');
}

function meaning({ description = '', enum: values = [] }: Described): string {
  if (values.length === 0 || values.length > VALUES_SHOWN_MAX) return description;
  return [values.map((value) => `\`${value}\``).join(', '), description].join(' ').trim();
}

export async function metricTable(): Promise<string> {
  const metrics = createMetrics({
    events: createEventLog(),
    live: createLiveStreams(),
    program: 'sallyport',
  });
  const text = await metrics.text();
  metrics.close();
  const rows = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name, help, type]) => `| \`${name}\` | ${type} | ${help} |`,
  );
  return ['| metric | type | |', '|---|---|---|', ...rows].join('\n');
}
