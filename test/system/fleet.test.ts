import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { startFleet } from '../support/fleet.ts';
import { ask } from '../support/http-client.ts';
import { processorSeconds, waitedForProcessor } from '../support/processor.ts';
import { memoryOf } from '../support/program.ts';
import { startServer, type Server } from '../support/tunnel.ts';

/** `SALLYPORT_TEST_LONG=1` runs the full form: 2,000 agents that come back, 10,000 that rest. */
const long = process.env.SALLYPORT_TEST_LONG === '1';

const COUNT = long ? 2_000 : 200;
const PROCESSES = long ? 2 : 1;

const linux = process.platform === 'linux' ? false : 'what a process uses is read from /proc';

for (const transport of ['websocket', 'longpoll'] as const)
  test(
    `${COUNT} agents over ${transport} are back within 30 s of a restart, spread out, and the server answers meanwhile`,
    { skip: linux },
    async (t) => {
      const first = await startServer(t);
      const { port } = first;
      const fleet = startFleet(t, { port, count: COUNT, processes: PROCESSES, transport });
      await fleet.allReady(60_000);

      await first.program.end('SIGKILL');
      const began = Date.now();
      const second = await startServer(t, ['--listen', `127.0.0.1:${port}`]);
      const health = watchHealth(second);
      const back = await fleet.allReady(60_000);
      const answers = await health.stop();

      const last = back.at(-1)! - began;
      const slowest = Math.max(...answers);
      const share = mostWithin(back, (back.at(-1)! - back[0]) / 10) / COUNT;
      t.diagnostic(
        `back from ${back[0] - began} to ${last} ms after the kill, at most ${Math.round(share * 100)} % ` +
          `within a tenth of that; ${answers.length} answers of /healthz, the slowest after ${Math.round(slowest)} ms`,
      );
      assert.ok(last <= 30_000, `the last was back after ${last} ms`);
      // Fewer are back within moments, in which the processor is somebody else's for a while.
      if (long)
        assert.ok(share < 2 / 3, `${Math.round(share * 100)} % came within a tenth of the time`);
      assert.ok(answers.length >= 10, `${answers.length} answers of /healthz`);
      assert.ok(slowest <= 250, `/healthz answered after ${slowest} ms`);
    },
  );

/** The largest number of times that lie within a window of that length. */
function mostWithin(sorted: readonly number[], length: number): number {
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to++) {
    while (sorted[to] - sorted[from] > length) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/**
 * Asks all the time how the server is, and notes how long each answer took: without the time in which
 * the server, or we, were ready to go on and other processes had the processors.
 */
function watchHealth({ port, program }: Server): { stop(): Promise<number[]> } {
  const answers: number[] = [];
  const end = new AbortController();
  const stolen = (): number => waitedForProcessor(program.pid) + waitedForProcessor(process.pid);
  async function watch(): Promise<void> {
    while (!end.signal.aborted) {
      const before = stolen();
      const { status, ms } = await ask({ port, path: '/healthz' });
      assert.equal(status, 200);
      answers.push(ms - (stolen() - before));
      await pause(10);
    }
  }
  const watching = watch();
  return {
    async stop() {
      end.abort();
      await watching;
      return answers;
    },
  };
}

test(
  '10,000 resting agents cost the server little memory and less than 5 % of a processor',
  { skip: linux || (long ? false : 'SALLYPORT_TEST_LONG=1 runs it') },
  async (t) => {
    const server = await startServer(t);
    const { pid } = server.program;
    const count = 10_000;
    const before = memoryOf(pid);
    const fleet = startFleet(t, { port: server.port, count, processes: 2 });
    await fleet.allReady(120_000);
    await pause(10_000);
    const each = (memoryOf(pid) - before) / count / 1024;
    const used = processorSeconds(pid);
    await pause(30_000);
    const share = (processorSeconds(pid) - used) / 30;
    t.diagnostic(`${each.toFixed(1)} KB for each, ${(share * 100).toFixed(1)} % of a processor`);
    assert.ok(each <= 16, `${each.toFixed(1)} KB for each`);
    assert.ok(share < 0.05, `${(share * 100).toFixed(1)} % of a processor`);
  },
);
