/** `sallyport status`: a server as a whole. */
import type { OptionsOf } from '../../config/schema.ts';
import type { StatusView } from '../../control/views.ts';
import { printable } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../json-line.ts';
import { controlClient } from '../operator.ts';
import { counted, shortSize, shortTime } from '../quantities.ts';

export async function run(context: CommandContext<OptionsOf<'status'>>): Promise<number> {
  const { options, signal, stdout } = context;
  const status = await controlClient(context).ask('status.read', {}, signal);
  stdout.write(options.json ? jsonLine(status) : asText(status));
  return 0;
}

function asText(status: StatusView): string {
  const rows: [string, string][] = [
    ['program', `${status.program}, Node.js ${status.node}`],
    ['listens on', `${status.listen} as ${status.publicUrl}`],
    ['up for', `${shortTime(Date.now() - status.startedAt)}${status.draining ? ', draining' : ''}`],
    ['clients', `${counted(status.agents, 'agent')}, ${counted(status.consumers, 'consumer')}`],
    ['services', `${status.services}, under ${counted(status.routes, 'route')}`],
    [
      'traffic',
      `${counted(status.streams, 'stream')}, ${counted(status.requests, 'HTTP request')}`,
    ],
    ['memory', shortSize(status.memoryBytes)],
    ...status.configProblems.map((problem): [string, string] => ['not loaded', problem]),
    ...(status.waitsForRestart.length === 0
      ? []
      : [['needs restart', status.waitsForRestart.join(', ')] as [string, string]]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}
