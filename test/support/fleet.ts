/** Agents by the thousand, in a few processes of their own, and when each of them came back. */
import { fork, type ChildProcess } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Transport } from '../../src/attach/transport-choice.ts';
import type { FleetReady, FleetSetting } from './fleet-process.ts';
import { testToken } from './tunnel.ts';
import { until } from './wait.ts';

const program = path.join(import.meta.dirname, 'fleet-process.ts');

export interface Fleet {
  /**
   * Resolves when all agents have become ready once more than when it was asked before: with the
   * times at which they did, in order, by the clock of the machine.
   */
  allReady(ms: number): Promise<number[]>;
}

export interface FleetOptions {
  readonly port: number;
  readonly count: number;
  readonly processes: number;
  /** Default: websocket. */
  readonly transport?: Transport;
}

/** Starts them all; they attach, and come back whenever they lost their server. Ended with the test. */
export function startFleet(
  t: TestContext,
  { port, count, processes, transport = 'websocket' }: FleetOptions,
): Fleet {
  let times: number[] = [];
  let failed: Error | null = null;
  for (let n = 0; n < processes; n++) {
    const setting: FleetSetting = {
      server: `ws://127.0.0.1:${port}`,
      token: testToken,
      transport,
      count: count / processes,
      prefix: `fleet-${n}`,
    };
    const child = fork(program, [JSON.stringify(setting)], { execArgv: [] });
    // Agents are elsewhere: they do not take the processor that the server wants.
    os.setPriority(child.pid!, os.constants.priority.PRIORITY_LOW);
    child.on('message', ({ at }: FleetReady) => void times.push(at));
    child.on('exit', (code) => (failed ??= new Error(`a process of agents ended: ${code}`)));
    t.after(() => ended(child));
  }
  return {
    async allReady(ms) {
      await until(
        `${count} agents are ready`,
        () => {
          if (failed !== null) throw failed;
          return times.length >= count;
        },
        ms,
      ).catch((error: unknown) => {
        throw new Error(`${times.length} agents are ready`, { cause: error });
      });
      const ready = times.toSorted((a, b) => a - b);
      times = [];
      return ready;
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await over;
}
