/** The command line of the bench. */
import { parseArgs } from 'node:util';
import type { Pace } from './load.ts';
import type { Row } from './row.ts';

export const usage = `npm run bench -- [options]
  --quick             one short round of everything, in under a minute
  --only ROW[,ROW]    these rows; a name stands for all that begin with it and a hyphen too
  --rounds N          rounds of each row, 1 to 99, of which the medians count (3)
  --references-only   leave Sallyport out: what the machine and the references do by themselves
  --json FILE         write every sample there
  --list              name the rows and end
  --help`;

export interface BenchOptions {
  readonly quick: boolean;
  readonly rows: readonly Row[];
  readonly referencesOnly: boolean;
  readonly jsonFile: string | null;
  readonly list: boolean;
  readonly help: boolean;
  readonly rounds: number;
  readonly pace: Pace;
}

/** The command line asks for what does not exist. */
export class UsageError extends Error {}

export function readOptions(argv: readonly string[], rows: readonly Row[]): BenchOptions {
  const values = parse(argv);
  const quick = values.quick === true;
  return {
    quick,
    rows: values.only === undefined ? rows : choose(rows, values.only),
    referencesOnly: values['references-only'] === true,
    jsonFile: values.json ?? null,
    list: values.list === true,
    help: values.help === true,
    rounds: values.rounds === undefined ? (quick ? 1 : 3) : roundsOf(values.rounds),
    pace: quick ? { warmMs: 200, measureMs: 500 } : { warmMs: 1_000, measureMs: 2_500 },
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        rounds: { type: 'string' },
        'references-only': { type: 'boolean' },
        json: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function roundsOf(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new UsageError(`--rounds ${text}: give a number from 1 to 99`);
}

function choose(rows: readonly Row[], only: string): Row[] {
  const wanted = only.split(',').map((name) => name.trim());
  const matches = (row: Row, name: string): boolean =>
    row.name === name || row.name.startsWith(`${name}-`);
  for (const name of wanted) {
    if (!rows.some((row) => matches(row, name))) {
      throw new UsageError(`no row is called "${name}"; --list names them`);
    }
  }
  return rows.filter((row) => wanted.some((name) => matches(row, name)));
}
