/** `sallyport events`: what happened at a server, and with `-f` what happens. */
import type { OptionsOf } from '../../config/schema.ts';
import { printable } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../json-line.ts';
import { controlClient } from '../operator.ts';
import { reportWarning } from '../report.ts';

/** What is shown of those before now, where nothing else is said. */
const RECENT = 100;

export async function run(context: CommandContext<OptionsOf<'events'>>): Promise<number> {
  const { options, signal, stdout, stderr } = context;
  const { type, service, identity, limit, follow, json } = options;
  const client = controlClient(context);
  const query = { type, service, identity };
  const show = (event: object): void =>
    void stdout.write(json ? jsonLine(event) : `${asText(event as Record<string, unknown>)}\n`);

  let after: string | undefined;
  if (!follow || limit !== undefined) {
    const wish = { query: { ...query, limit: [String(limit ?? RECENT)] } };
    const { run: serverRun, seq, items } = await client.ask('events.recent', wish, signal);
    items.forEach(show);
    after = `${serverRun}-${seq}`;
  }
  if (!follow) return 0;
  const told = client.follow({
    query,
    ...(after === undefined ? {} : { after }),
    lost: ({ message }, waitMs) =>
      reportWarning(`${message}; asking again in ${waitMs} ms`, stderr, json),
    signal,
  });
  for await (const { type: name, value } of told) {
    if (name !== 'lagged') show(value);
    else reportWarning(missedText(value['missed']), stderr, json);
  }
  return 0;
}

function missedText(missed: unknown): string {
  return typeof missed === 'number'
    ? `${missed} events were missed: the server no longer has them`
    : 'the server was started anew, or has gone on too far: events were missed';
}

/** `2026-11-20T22:58:43.622Z stream.opened stream=… service=…` */
function asText(event: Record<string, unknown>): string {
  const { time, type } = event;
  const parts = Object.entries(event)
    .filter(([key, value]) => value !== null && !['seq', 'time', 'type'].includes(key))
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'string' ? plain(value) : JSON.stringify(value)}`,
    );
  return printable([new Date(Number(time)).toISOString(), String(type), ...parts].join(' '));
}

/** Quoted where it could be taken for more than one word. */
function plain(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
