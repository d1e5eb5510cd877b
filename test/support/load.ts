/** Requests at a steady rate, each with an id that the origins write down, and what became of each. */
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './http-client.ts';

export interface Fate {
  id: string;
  method: 'GET' | 'POST';
  /** 0: no answer, or one that broke off. */
  status: number;
  ms: number;
  /** Milliseconds since the load began. */
  at: number;
  failure?: string;
}

export interface LoadOptions {
  port: number;
  host: string;
  path: string;
  /** Requests per second, half of them POST. */
  rate: number;
  ms: number;
}

/** Keeps the rate whatever the answers do, and resolves when the last one has come. */
export async function runLoad(options: LoadOptions): Promise<Fate[]> {
  const { port, host, path, rate, ms } = options;
  const agent = new http.Agent({ keepAlive: true });
  const began = performance.now();
  const fates: Promise<Fate>[] = [];
  const send = async (n: number): Promise<Fate> => {
    const id = `request-${n}`;
    const method = n % 2 === 0 ? 'GET' : 'POST';
    const at = performance.now() - began;
    const headers = { 'x-request-id': id };
    // A POST without a body is the one that could be repeated by mistake.
    const body = n % 4 === 1 ? 'body of the post' : undefined;
    try {
      const reply = await ask({ port, host, path, method, headers, agent, ...(body && { body }) });
      return { id, method, status: reply.status, ms: reply.ms, at };
    } catch (error) {
      const took = performance.now() - began - at;
      return { id, method, status: 0, ms: took, at, failure: String(error) };
    }
  };
  while (performance.now() - began < ms) {
    const due = Math.floor(((performance.now() - began) / 1_000) * rate);
    while (fates.length < due) fates.push(send(fates.length));
    await pause(5);
  }
  const all = await Promise.all(fates);
  agent.destroy();
  return all;
}

/** The value that the given share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
