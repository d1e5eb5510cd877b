/** `sallyport config`: what is wrong with a file, and what may stand in one. */
import { SallyportError } from '../../errors.ts';
import { checkConfig } from '../../config/check.ts';
import { jsonSchema } from '../../config/json-schema.ts';
import { suggestion } from '../../config/nearest.ts';
import { loadOptions } from '../../config/load.ts';
import { fileProblem, formatProblem, type Problem } from '../../config/problem.ts';
import type { OptionsOf } from '../../config/schema.ts';
import { quoted } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';
import { namedFileFaults } from '../named-files.ts';
import { reference } from '../reference.ts';
import { reportWarning } from '../report.ts';

type Context = CommandContext<OptionsOf<'config'>>;

const actions: Readonly<
  Record<string, { operands: number; run(context: Context): Promise<number> }>
> = {
  check: { operands: 1, run: check },
  schema: { operands: 0, run: schema },
  reference: { operands: 0, run: printReference },
};

export async function run(context: Context): Promise<number> {
  const [name = '', ...operands] = context.positionals;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    const meant = suggestion(name, Object.keys(actions)) || '; use check, schema or reference';
    throw new SallyportError('USAGE', `config ${quoted(name)}: is no action${meant}`);
  }
  if (operands.length !== action.operands) {
    throw new SallyportError(
      'USAGE',
      action.operands === 1
        ? `config ${name}: the FILE is missing`
        : `config ${name}: takes no FILE`,
    );
  }
  return action.run(context);
}

/** One line for each problem, ready for editors: `file:line:column: key: what is wrong`. */
async function check({ options, positionals, stdout, stderr }: Context): Promise<number> {
  const file = positionals[1];
  const { kind, warnings, ...checked } = await checkConfig(file, options.for, process.cwd());
  const named = checked.problems.length === 0 && kind === 'server' ? await namedFiles(file) : [];
  const problems = [...checked.problems, ...named];
  const valid = problems.length === 0;
  if (options.json) {
    const listed = problems.map(({ position, message }) => ({ ...position, message }));
    stdout.write(`${JSON.stringify({ file, kind, valid, problems: listed, warnings })}\n`);
    return valid ? 0 : 2;
  }
  for (const warning of warnings) reportWarning(warning, stderr, false);
  for (const problem of problems) stderr.write(`${formatProblem(problem)}\n`);
  if (valid) stdout.write(`${file}: good for sallyport ${kind}\n`);
  return valid ? 0 : 2;
}

async function namedFiles(file: string): Promise<Problem[]> {
  const given = { flags: { config: file }, env: {}, directory: process.cwd() };
  const { options } = await loadOptions('server', given);
  const faults = await namedFileFaults(options);
  return faults.map((message) => fileProblem(file, null, '', message));
}

async function schema({ options, stdout }: Context): Promise<number> {
  stdout.write(`${JSON.stringify(jsonSchema(options.for), null, 2)}\n`);
  return 0;
}

async function printReference({ stdout }: Context): Promise<number> {
  stdout.write(reference());
  return 0;
}
