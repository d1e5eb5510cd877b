import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortSize, shortTime } from './quantities.ts';
import { textTable } from './text-table.ts';

interface Row {
  name: string;
  from: string;
}

const columns = [
  { title: 'NAME', cell: ({ name }: Row) => name },
  { title: 'FROM', cell: ({ from }: Row) => from },
];

test('columns are as wide as they have to be, and nothing trails', () => {
  const rows = [
    { name: 'a', from: 'here' },
    { name: 'longer', from: '' },
  ];
  assert.equal(textTable(columns, rows), 'NAME    FROM\na       here\nlonger\n');
  assert.equal(textTable(columns, []), 'NAME  FROM\n');
});

test('a cell cannot move the cursor, forge a row or hide text', () => {
  const rows = [{ name: 'x\u001b[2J\r\nNAME  root', from: '\u202eevil\u200b\u0085' }];
  const text = textTable(columns, rows);
  assert.equal(text.split('\n').length, 3);
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}](?<!\n)/u);
});

test('times and sizes are short', () => {
  const times = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000 * 400];
  assert.deepEqual(times.map(shortTime), ['0s', '0s', '1s', '59s', '1m', '59m', '1h', '400d']);
  assert.equal(shortTime(-5), '0s', 'the clocks of two machines differ');
  const sizes = [0, 1, 1_023, 1_024, 1_536, 10_240, 1_048_576, 5 * 1_024 ** 5];
  const shown = ['0 B', '1 B', '1023 B', '1.0 KB', '1.5 KB', '10 KB', '1.0 MB', '5120 TB'];
  assert.deepEqual(sizes.map(shortSize), shown);
});
