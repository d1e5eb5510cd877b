/** `sallyport ps`: the streams that are open at a server. */
import type { OptionsOf } from '../../config/schema.ts';
import type { StreamView } from '../../control/views.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../json-line.ts';
import { controlClient } from '../operator.ts';
import { shortSize, shortTime } from '../quantities.ts';
import { textTable, type Column } from '../text-table.ts';

export async function run(context: CommandContext<OptionsOf<'ps'>>): Promise<number> {
  const { options, signal, stdout } = context;
  const { service, identity, json } = options;
  const query = { service, identity };
  const streams = await controlClient(context).ask('streams.list', { query }, signal);
  if (json) stdout.write(jsonLine(streams));
  else if (streams.total === 0) stdout.write('No streams.\n');
  else stdout.write(`${textTable(columns, streams.items)}${cut(streams)}`);
  return 0;
}

function cut({ total, items }: { total: number; items: readonly unknown[] }): string {
  return total === items.length ? '' : `… and ${total - items.length} more\n`;
}

const columns: readonly Column<StreamView>[] = [
  { title: 'STREAM', cell: ({ stream }) => stream },
  { title: 'SERVICE', cell: ({ service }) => service },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'CONSUMER', cell: ({ consumer }) => consumer },
  { title: 'IDENTITY', cell: ({ identity }) => identity ?? '-' },
  { title: 'TARGET', cell: ({ target }) => target ?? '-' },
  { title: 'AGENT', cell: ({ session }) => session ?? 'waits' },
  { title: 'SINCE', cell: ({ openedAt }) => shortTime(Date.now() - openedAt) },
  { title: 'UP', cell: ({ bytesUp }) => shortSize(bytesUp) },
  { title: 'DOWN', cell: ({ bytesDown }) => shortSize(bytesDown) },
];
