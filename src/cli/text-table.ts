/** Tables for terminals. What stands in a cell may come from anybody: it is made printable here. */
import { printable } from '../net/printable.ts';

export interface Column<Row> {
  readonly title: string;
  cell(row: Row): string;
}

/** A line for the titles and one for each row; columns are as wide as they have to be. */
export function textTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => printable(cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index].length)));
  return lines
    .map((line) => line.map((text, index) => text.padEnd(widths[index])).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
