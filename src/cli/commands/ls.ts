/** `sallyport ls`: the services of a server, and who serves them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { OptionsOf } from '../../config/schema.ts';
import type { ClientView, ServiceView } from '../../control/views.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../json-line.ts';
import { controlClient } from '../operator.ts';
import { shortTime } from '../quantities.ts';
import { reportWarning } from '../report.ts';
import { textTable, type Column } from '../text-table.ts';

type Context = CommandContext<OptionsOf<'ls'>>;

/** Changes that come together are shown together. Unit: milliseconds. */
const WATCH_PAUSE_MS = 250;
/** To the upper left corner, and nothing below it. */
const CLEAR = '\u001b[H\u001b[2J';

export async function run(context: Context): Promise<number> {
  const { options, signal, stdout, stderr } = context;
  const client = controlClient(context);

  /** Answers the run of the server, and the number of the event that all of what is shown is true at, or later. */
  async function show(): Promise<{ serverRun: string; seq: number }> {
    const query = { service: options.service };
    const [services, agents] = await Promise.all([
      client.ask('services.list', { query }, signal),
      client.ask('agents.list', {}, signal),
    ]);
    const clear = options.watch && !options.json && 'isTTY' in stdout && stdout.isTTY === true;
    const text = options.json
      ? jsonLine({ services, agents })
      : `${asText(services.items, agents.items)}${options.watch && !clear ? '\n' : ''}`;
    stdout.write(`${clear ? CLEAR : ''}${text}`);
    return { serverRun: services.run, seq: Math.min(services.seq, agents.seq) };
  }

  const first = await show();
  let { seq } = first;
  if (!options.watch) return 0;
  const changes = client.follow({
    query: { type: ['client.*', 'service.*'] },
    after: `${first.serverRun}-${seq}`,
    lost: ({ message }, waitMs) =>
      reportWarning(`${message}; asking again in ${waitMs} ms`, stderr, options.json),
    signal,
  });
  for await (const { type, value } of changes) {
    if (type !== 'lagged' && Number(value['seq']) <= seq) continue;
    await pause(WATCH_PAUSE_MS, undefined, { signal }).catch(() => {});
    if (!signal.aborted) ({ seq } = await show());
  }
  return 0;
}

function asText(services: readonly ServiceView[], agents: readonly ClientView[]): string {
  const tables = [
    services.length === 0 ? 'No services.\n' : textTable(serviceColumns, services),
    agents.length === 0 ? 'No agents.\n' : textTable(agentColumns, agents),
  ];
  return tables.join('\n');
}

const serviceColumns: readonly Column<ServiceView>[] = [
  { title: 'SERVICE', cell: ({ service }) => service },
  { title: 'KIND', cell: ({ kind }) => kind },
  {
    title: 'AGENTS',
    cell: ({ upstreams }) => upstreams.map(({ session }) => session).join(' ') || 'absent',
  },
  {
    title: 'STREAMS',
    cell: ({ upstreams }) => String(upstreams.reduce((sum, { streams }) => sum + streams, 0)),
  },
  {
    title: 'REACHABLE AT',
    cell: ({ service, urls }) => urls.join(' ') || `sallyport connect ${service}`,
  },
];

const agentColumns: readonly Column<ClientView>[] = [
  { title: 'AGENT', cell: ({ session }) => session },
  { title: 'IDENTITY', cell: ({ identity }) => identity },
  { title: 'FROM', cell: ({ peer }) => peer },
  { title: 'PROGRAM', cell: ({ program, protocol }) => program || protocol },
  { title: 'SINCE', cell: ({ attachedAt }) => shortTime(Date.now() - attachedAt) },
  { title: 'RTT', cell: ({ rttMs }) => (rttMs === 0 ? '-' : `${rttMs.toFixed(1)} ms`) },
  { title: 'SERVICES', cell: ({ services }) => services.join(' ') || '-' },
];
