/** From arguments to a running command. */
import { SallyportError } from '../errors.ts';
import type { CommandName, OptionsOf } from '../config/schema.ts';
import type { CommandContext } from './context.ts';
import { legacyTools } from './legacy-tools.ts';
import { loaders } from './loaders.ts';
import { reportError, reportWarning } from './report.ts';
import type { Invocation } from './invocation.ts';
import { exitOfShutdown } from './shutdown.ts';
import { commandNames, commands, plainCommands } from './table.ts';

/** Runs what the arguments ask for and gives the exit code. Never rejects: errors are reported. */
export async function dispatch(invocation: Invocation): Promise<number> {
  try {
    return await select(invocation);
  } catch (thrown) {
    const { signal, stderr } = invocation;
    return exitOfShutdown(thrown, signal) ?? reportError(thrown, stderr, wantsJson(invocation));
  }
}

async function select(invocation: Invocation): Promise<number> {
  const { args, stdout, stderr, version } = invocation;
  const [name = '', ...rest] = args;
  switch (name) {
    case 'version':
    case '--version':
      stdout.write(wantsJson(invocation) ? `${JSON.stringify({ version })}\n` : `${version}\n`);
      return 0;
    case '':
      stderr.write((await import('./help.ts')).overview(version));
      return 2;
    case 'help':
    case '--help':
    case '-h':
      if (rest[0] === undefined) return showOverview(invocation);
      return isLegacy(rest[0])
        ? runLegacy(rest[0], ['--help'], invocation)
        : showHelp(await known(rest[0]), invocation);
    default:
      return isLegacy(name)
        ? runLegacy(name, rest, invocation)
        : run(await known(name), rest, invocation);
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- ties the options to the command that takes them
async function run<Name extends CommandName>(
  name: Name,
  args: readonly string[],
  invocation: Invocation,
): Promise<number> {
  if (wantsHelp(args)) return showHelp(name, invocation);
  const [{ fieldsOf }, { loadOptions }, { schemas }, { parseArguments }] = await Promise.all([
    import('../config/fields.ts'),
    import('../config/load.ts'),
    import('../config/schema.ts'),
    import('./argv.ts'),
  ]);
  const { env, directory, stderr } = invocation;
  const { flags, positionals } = parseArguments(
    args,
    fieldsOf(schemas[name]),
    commands[name].positionals,
  );
  const load = () => loadOptions(name, { flags, env, directory });
  const loaded = await load();
  for (const warning of loaded.warnings) reportWarning(warning, stderr, wantsJson(invocation));
  const command = await loaders[name]();
  const context: CommandContext<OptionsOf<Name>> = contextOf(
    invocation,
    { options: loaded.options, loaded, load },
    positionals,
  );
  return command.run(context);
}

function isLegacy(name: string): boolean {
  return Object.hasOwn(legacyTools, name);
}

async function runLegacy(
  name: string,
  args: readonly string[],
  invocation: Invocation,
): Promise<number> {
  const tool = await legacyTools[name].load();
  const { env, directory, signal, version, stdout, stderr } = invocation;
  return tool.run({
    args,
    env,
    directory,
    signal,
    version,
    stdout,
    stderr,
    get stdin() {
      return invocation.stdin;
    },
  });
}

function contextOf<Options>(
  invocation: Invocation,
  configuration: Pick<CommandContext<Options>, 'options' | 'loaded' | 'load'>,
  positionals: readonly string[],
): CommandContext<Options> {
  const { env, signal, version, stdout, stderr } = invocation;
  return {
    ...configuration,
    positionals,
    signal,
    env,
    version,
    stdout,
    stderr,
    get stdin() {
      return invocation.stdin;
    },
  };
}

async function showOverview({ stdout, version }: Invocation): Promise<number> {
  stdout.write((await import('./help.ts')).overview(version));
  return 0;
}

async function showHelp(name: CommandName, { stdout }: Invocation): Promise<number> {
  const [{ fieldsOf }, { schemas }, { commandHelp }] = await Promise.all([
    import('../config/fields.ts'),
    import('../config/schema.ts'),
    import('./help.ts'),
  ]);
  stdout.write(commandHelp(name, fieldsOf(schemas[name])));
  return 0;
}

/** The command of that name. Throws USAGE. */
async function known(name: string): Promise<CommandName> {
  const found = commandNames.find((command) => command === name);
  if (found !== undefined) return found;
  const [{ suggestion }, { quoted }] = await Promise.all([
    import('../config/nearest.ts'),
    import('../net/printable.ts'),
  ]);
  const names = [...commandNames, ...Object.keys(legacyTools), ...Object.keys(plainCommands)];
  throw new SallyportError(
    'USAGE',
    `${quoted(name)}: is no command${suggestion(name, names) || '; --help lists them'}`,
  );
}

function wantsHelp(args: readonly string[]): boolean {
  const options = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length);
  return options.includes('--help') || options.includes('-h');
}

/** Known before the options are, for errors in them. */
function wantsJson({ args, env }: Invocation): boolean {
  return args.includes('--json') || /^(?:true|yes|on|1)$/.test(env['SALLYPORT_JSON'] ?? '');
}
