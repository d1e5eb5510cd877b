/** `sallyport control`: what operators do and look at more rarely. */
import { suggestion } from '../../config/nearest.ts';
import type { OptionsOf } from '../../config/schema.ts';
import type { ControlClient } from '../../control/client.ts';
import { openApiDocument } from '../../control/openapi.ts';
import type { IdentityView, RouteView } from '../../control/views.ts';
import { SallyportError } from '../../errors.ts';
import { printableLines, quoted } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../json-line.ts';
import { controlClient } from '../operator.ts';
import { textTable, type Column } from '../text-table.ts';
import { asText as endedText } from './kick.ts';

type Context = CommandContext<OptionsOf<'control'>>;

interface Outcome {
  readonly value: object;
  readonly text: string;
}

interface Action {
  /** Whether it takes a NAME. */
  readonly named: boolean;
  /** `name` is empty for those that take none. */
  run(client: () => ControlClient, name: string, signal: AbortSignal): Promise<Outcome> | Outcome;
}

const actions: Readonly<Record<string, Action>> = {
  routes: {
    named: false,
    async run(client, _, signal) {
      const value = await client().ask('routes.list', {}, signal);
      return { value, text: textTable(routeColumns, value.items) };
    },
  },
  identities: {
    named: false,
    async run(client, _, signal) {
      const value = await client().ask('identities.list', {}, signal);
      return { value, text: textTable(identityColumns, value.items) };
    },
  },
  revoke: {
    named: true,
    async run(client, subject, signal) {
      const value = await client().ask('identities.revoke', { subject }, signal);
      return { value, text: endedText(value) };
    },
  },
  restore: {
    named: true,
    async run(client, subject, signal) {
      const value = await client().ask('identities.restore', { subject }, signal);
      return { value, text: `restored: ${quoted(subject)}\n` };
    },
  },
  config: {
    named: false,
    async run(client, _, signal) {
      const value = await client().ask('config.read', {}, signal);
      return { value, text: `${printableLines(JSON.stringify(value, null, 2))}\n` };
    },
  },
  reload: {
    named: false,
    async run(client, _, signal) {
      const value = await client().ask('config.reload', {}, signal);
      const { changed, restart } = value;
      const waits = restart.length === 0 ? '' : `needs a restart: ${restart.join(', ')}\n`;
      return { value, text: `changed: ${changed.join(', ') || 'nothing'}\n${waits}` };
    },
  },
  drain: {
    named: false,
    async run(client, _, signal) {
      const value = await client().ask('server.drain', {}, signal);
      return { value, text: 'the server takes nothing new\n' };
    },
  },
  openapi: {
    named: false,
    run() {
      const value = openApiDocument();
      return { value, text: `${printableLines(JSON.stringify(value, null, 2))}\n` };
    },
  },
};

export async function run(context: Context): Promise<number> {
  const { options, positionals, signal, stdout } = context;
  const [word, ...names] = positionals;
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (action === undefined) {
    const words = Object.keys(actions);
    const meant = suggestion(word, words) || `; use one of ${words.join(', ')}`;
    throw new SallyportError('USAGE', `control ${quoted(word)}: is no action${meant}`);
  }
  if (names.length !== Number(action.named)) {
    const why = action.named ? 'the NAME of the identity is missing' : 'takes no NAME';
    throw new SallyportError('USAGE', `control ${word}: ${why}`);
  }
  const { value, text } = await action.run(() => controlClient(context), names[0] ?? '', signal);
  stdout.write(options.json ? jsonLine(value) : text);
  return 0;
}

const routeColumns: readonly Column<RouteView>[] = [
  { title: 'BY', cell: ({ by }) => by },
  { title: 'HOST', cell: ({ host }) => host ?? '-' },
  { title: 'PATH', cell: ({ path }) => path ?? '-' },
  { title: 'PORT', cell: ({ port }) => (port === null ? '-' : String(port)) },
  { title: 'SERVICE', cell: ({ service }) => service },
];

const identityColumns: readonly Column<IdentityView>[] = [
  { title: 'IDENTITY', cell: ({ identity }) => identity },
  { title: 'ROLES', cell: ({ roles, revoked }) => (revoked ? 'revoked' : roles.join(' ')) },
  { title: 'NAMES', cell: ({ names }) => names.join(' ') || '-' },
  { title: 'SESSIONS', cell: ({ sessions }) => String(sessions) },
  { title: 'STREAMS', cell: ({ streams }) => String(streams) },
];
