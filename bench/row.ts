/** A row of the table: contenders, how one sample of them is taken, and what is hoped for. */
import type { Contender, ContenderName } from './contenders.ts';
import type { Pace } from './load.ts';
import type { Stage } from './stage.ts';
import type { ToolName } from './tools.ts';

/** Figures by name, as one sample gave them. */
export type Sample = Readonly<Record<string, number>>;

export interface Row {
  readonly name: string;
  /** One line for `--list`. */
  readonly what: string;
  readonly figures: readonly Figure[];
  /** The same without any hop between, for the machine's own limit. */
  readonly direct?: ContenderName;
  readonly reference?: ContenderName;
  readonly ours: ContenderName;
  /** Beyond those of the contenders. */
  readonly tools?: readonly ToolName[];
  /** Each sample gets a contender started for it alone: what others left in its memory would count. */
  readonly fresh?: true;
  /** More rounds would tell nothing more. */
  readonly onlyOneRound?: true;
  sample(contender: Contender, pace: Pace, stage: Stage): Promise<Sample>;
}

export interface Figure {
  /** The key in a sample. */
  readonly name: string;
  readonly goal?: Goal;
  /** Keys of what the figure is the sum of, shown beside it: the two hops. */
  readonly parts?: readonly [near: string, far: string];
}

export interface Goal {
  /** Of what: ours divided by the reference, or ours alone. */
  readonly of: 'ratio' | 'value';
  readonly bound: '>=' | '<=';
  readonly than: number;
}

export function ratioAtLeast(than: number): Goal {
  return { of: 'ratio', bound: '>=', than };
}

export function ratioAtMost(than: number): Goal {
  return { of: 'ratio', bound: '<=', than };
}

export function valueAtLeast(than: number): Goal {
  return { of: 'value', bound: '>=', than };
}

export function valueAtMost(than: number): Goal {
  return { of: 'value', bound: '<=', than };
}

/**
 * The CPU time of both hops per unit of work, as a figure with its two parts; nothing where there
 * are no hops.
 */
export function cpuFigures(
  unit: string,
  cpu: readonly number[],
  work: number,
  scale: number,
): Sample {
  if (cpu.length === 0) return {};
  const [near = 0, far = 0] = cpu.map((seconds) => (seconds * scale) / work);
  return { [unit]: near + far, [`${unit}, near hop`]: near, [`${unit}, far hop`]: far };
}

export function cpuFigure(unit: string, goal?: Goal): Figure {
  return {
    name: unit,
    parts: [`${unit}, near hop`, `${unit}, far hop`],
    ...(goal !== undefined && { goal }),
  };
}
