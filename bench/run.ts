/**
 * `npm run bench`: Sallyport beside loopback, haproxy and nginx, in one run on one machine. It
 * measures and never asserts: a missed goal is told and ends with exit code 0; wrong bytes, or a
 * process that dies, end it with 1.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { contenderKinds } from './contenders.ts';
import { createCast, measureRow, players, type RowResult } from './measure.ts';
import { type BenchOptions, readOptions, usage, UsageError } from './options.ts';
import { machineLoad } from './proc.ts';
import { ProcessFailed } from './processes.ts';
import { rows } from './rows/all.ts';
import { createStage, type Stage } from './stage.ts';
import { resultsForJson, summary, tableHead, tableRow } from './table.ts';
import { ToolsMissing } from './tools.ts';

/** Above this another program is using the machine. */
const LOAD_AT_REST = 0.5;

const interrupted = { SIGINT: 130, SIGTERM: 143 } as const;

async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv, rows);
  if (options.help) return console.log(usage);
  if (options.list) {
    for (const row of options.rows) console.log(`${row.name.padEnd(14)} ${row.what}`);
    return;
  }
  if (process.platform !== 'linux') throw new UsageError('the bench reads /proc: it needs Linux');

  const chosen = options.rows.filter((row) => players(row, options).size > 0);
  const tools = chosen.flatMap((row) => [
    ...(row.tools ?? []),
    ...[...players(row, options).values()].flatMap((name) => contenderKinds[name].tools),
  ]);
  const stage = await createStage(tools);
  for (const [signal, code] of Object.entries(interrupted)) {
    process.once(signal, () => {
      stage.abandon();
      process.exit(code);
    });
  }
  try {
    await measureAll({ ...options, rows: chosen }, stage);
  } finally {
    await stage.close();
  }
}

async function measureAll(options: BenchOptions, stage: Stage): Promise<void> {
  const machine = {
    date: new Date().toISOString(),
    node: process.version,
    kernel: release(),
    cpu: cpus()[0].model,
    cores: cpus().length,
    loadBefore: machineLoad(),
  };
  console.log(`${machine.cores} x ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`);
  if (machine.loadBefore > LOAD_AT_REST) {
    console.log(`The machine is busy (load ${machine.loadBefore}): only the ratios mean anything.`);
  }
  console.log(`\n${tableHead()}`);
  const cast = createCast(stage);
  const results: RowResult[] = [];
  for (const row of options.rows) {
    const result = await stage.processes.guard(measureRow(row, options, stage, cast));
    results.push(result);
    console.log(tableRow(result));
  }
  console.log(`\n${summary(results)}`);
  if (options.jsonFile !== null) {
    const { quick, rounds, pace } = options;
    const report = { machine, quick, rounds, pace, rows: resultsForJson(results) };
    writeFileSync(options.jsonFile, `${JSON.stringify(report, null, 2)}\n`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError || error instanceof ToolsMissing) {
    console.error(`bench: ${error.message}`);
    process.exitCode = 2;
  } else {
    console.error(error instanceof ProcessFailed ? `bench: ${error.message}` : error);
    process.exitCode = 1;
  }
}
