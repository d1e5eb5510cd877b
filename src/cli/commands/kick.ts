/** `sallyport kick`: ends an agent's session, a consumer's, a service or a stream. */
import { suggestion } from '../../config/nearest.ts';
import type { OptionsOf } from '../../config/schema.ts';
import type { EndedView } from '../../control/views.ts';
import { SallyportError } from '../../errors.ts';
import { quoted } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../json-line.ts';
import { controlClient } from '../operator.ts';
import { counted } from '../quantities.ts';

const operations = {
  agent: 'agents.kick',
  consumer: 'consumers.kick',
  service: 'services.kick',
  stream: 'streams.kick',
} as const;

type Kind = keyof typeof operations;

export async function run(context: CommandContext<OptionsOf<'kick'>>): Promise<number> {
  const { options, positionals, signal, stdout } = context;
  const [kind, subject] = positionals;
  if (!isKind(kind)) {
    const meant =
      suggestion(kind, Object.keys(operations)) || '; write agent, consumer, service or stream';
    throw new SallyportError(
      'USAGE',
      `kick ${quoted(kind)}: is nothing that can be kicked${meant}`,
    );
  }
  const { reason } = options;
  const wish = { subject, ...(reason === undefined ? {} : { reason }) };
  const ended = await controlClient(context).ask(operations[kind], wish, signal);
  stdout.write(options.json ? jsonLine(ended) : asText(ended));
  return 0;
}

function isKind(word: string): word is Kind {
  return Object.hasOwn(operations, word);
}

export function asText({ sessions, services, streams }: EndedView): string {
  const parts = [
    counted(sessions, 'session'),
    counted(services, 'service'),
    counted(streams, 'stream'),
  ];
  return `ended: ${parts.join(', ')}\n`;
}
