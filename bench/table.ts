/** The results for people, and for programs. */
import { contenderKinds, type ContenderName } from './contenders.ts';
import type { ContenderRole, FigureResult, RowResult } from './measure.ts';

const widths = [14, 19, 22, 22, 22, 6, 9, 4] as const;

function line(cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at < 2 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
    .join(' ')
    .trimEnd();
}

export function tableHead(): string {
  const head = line(['row', 'figure', 'direct', 'reference', 'ours', 'ratio', 'goal', '']);
  return `${head}\n${'-'.repeat(head.length)}`;
}

/** The lines of a row; the first names the contenders. */
export function tableRow({ row, figures }: RowResult): string {
  const title = (name: ContenderName | undefined): string =>
    name === undefined ? '' : contenderKinds[name].title;
  const names = line([row.name, '', title(row.direct), title(row.reference), title(row.ours)]);
  return [names, ...figures.map(figureLine)].join('\n');
}

function figureLine(result: FigureResult): string {
  const { goal } = result.figure;
  const cell = (role: ContenderRole): string => cellText(result.medians[role], result.parts[role]);
  return line([
    '',
    result.figure.name,
    cell('direct'),
    cell('reference'),
    cell('ours'),
    result.ratio === null ? '' : result.ratio.toFixed(2),
    goal === undefined ? '' : `${goal.bound} ${goalText(goal.of, goal.than)}`,
    result.met === null ? '' : result.met ? 'ok' : 'MISS',
  ]);
}

function goalText(of: 'ratio' | 'value', than: number): string {
  return of === 'ratio' ? `${than.toFixed(2)}x` : numberText(than);
}

function cellText(value: number | null, parts: readonly (number | null)[]): string {
  if (value === null) return '';
  const known = parts.filter((part) => part !== null);
  if (known.length === 0) return numberText(value);
  return `${numberText(value)} (${known.map(numberText).join(' + ')})`;
}

/** Three digits, which is as much as one run can tell. */
function numberText(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function summary(results: readonly RowResult[]): string {
  const judged = results.flatMap(({ figures }) => figures.filter(({ met }) => met !== null));
  const missed = judged.filter(({ met }) => met === false).length;
  if (judged.length === 0) return 'Nothing was judged.';
  return `${judged.length - missed} of ${judged.length} goals met.`;
}

/** Everything that was measured, in a shape that JSON can hold. */
export function resultsForJson(results: readonly RowResult[]): unknown {
  return results.map(({ row, samples, figures }) => ({
    row: row.name,
    what: row.what,
    direct: row.direct ?? null,
    reference: row.reference ?? null,
    ours: row.ours,
    figures: figures.map(({ figure, medians, ratio, met }) => ({
      figure: figure.name,
      medians,
      ratio,
      goal: figure.goal ?? null,
      met,
    })),
    samples,
  }));
}
