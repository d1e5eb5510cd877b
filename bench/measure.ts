/** Takes a row's samples, the contenders in turn so that they share the machine's moods, and judges. */
import { type Contender, type ContenderName, isSallyport, startContender } from './contenders.ts';
import type { BenchOptions } from './options.ts';
import type { Figure, Row, Sample } from './row.ts';
import type { Stage } from './stage.ts';

const roles = ['direct', 'reference', 'ours'] as const;
export type ContenderRole = (typeof roles)[number];

export interface FigureResult {
  readonly figure: Figure;
  /** Medians over the rounds; null where a contender has no such figure. */
  readonly medians: Readonly<Record<ContenderRole, number | null>>;
  readonly parts: Readonly<Record<ContenderRole, readonly (number | null)[]>>;
  /** Ours divided by the reference. */
  readonly ratio: number | null;
  /** Null where nothing is hoped for or there is nothing to judge by. */
  readonly met: boolean | null;
}

export interface RowResult {
  readonly row: Row;
  readonly samples: Readonly<Record<ContenderRole, readonly Sample[]>>;
  readonly figures: readonly FigureResult[];
}

/** The contenders that have been started; they serve row after row. */
export interface Cast {
  get(name: ContenderName): Promise<Contender>;
}

export function createCast(stage: Stage): Cast {
  const started = new Map<ContenderName, Promise<Contender>>();
  return {
    get(name) {
      let contender = started.get(name);
      if (contender === undefined) {
        contender = startContender(stage, name);
        started.set(name, contender);
      }
      return contender;
    },
  };
}

/** Who takes part in a row: name by role. */
export function players(row: Row, options: BenchOptions): Map<ContenderRole, ContenderName> {
  const taking = new Map<ContenderRole, ContenderName>();
  for (const role of roles) {
    const name = row[role];
    if (name !== undefined && !(options.referencesOnly && isSallyport(name)))
      taking.set(role, name);
  }
  return taking;
}

export async function measureRow(
  row: Row,
  options: BenchOptions,
  stage: Stage,
  cast: Cast,
): Promise<RowResult> {
  const samples: Record<ContenderRole, Sample[]> = { direct: [], reference: [], ours: [] };
  const order = [...players(row, options)];
  const rounds = row.onlyOneRound ? 1 : options.rounds;
  for (let round = 0; round < rounds; round++) {
    for (const [role, name] of order) {
      samples[role].push(await takeSample(row, name, options, stage, cast));
    }
    // Another one goes first next time: nobody always follows the same neighbour.
    order.push(...order.splice(0, 1));
  }
  return { row, samples, figures: row.figures.map((figure) => judge(figure, samples)) };
}

async function takeSample(
  row: Row,
  name: ContenderName,
  options: BenchOptions,
  stage: Stage,
  cast: Cast,
): Promise<Sample> {
  if (!row.fresh) return row.sample(await cast.get(name), options.pace, stage);
  const contender = await startContender(stage, name);
  const sample = await row.sample(contender, options.pace, stage);
  await contender.stop();
  return sample;
}

function judge(figure: Figure, samples: RowResult['samples']): FigureResult {
  const medians = forEachRole((role) => median(samples[role], figure.name));
  const parts = forEachRole((role) =>
    (figure.parts ?? []).map((part) => median(samples[role], part)),
  );
  const { reference, ours } = medians;
  const ratio = reference === null || ours === null ? null : ours / reference;
  const { goal } = figure;
  const judged = goal?.of === 'ratio' ? ratio : ours;
  let met: boolean | null = null;
  if (goal !== undefined && judged !== null) {
    met = goal.bound === '>=' ? judged >= goal.than : judged <= goal.than;
  }
  return { figure, medians, parts, ratio, met };
}

function forEachRole<T>(make: (role: ContenderRole) => T): Record<ContenderRole, T> {
  return { direct: make('direct'), reference: make('reference'), ours: make('ours') };
}

function median(samples: readonly Sample[], key: string): number | null {
  const values = samples
    .map((sample) => sample[key])
    .filter((value) => value !== undefined)
    .toSorted((a, b) => a - b);
  if (values.length === 0) return null;
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}
