/** What an examination of the way to a server finds, step by step. */
import { asSallyportError } from '../../errors.ts';

export interface Step {
  /** What was tried: `name`, `connection`, `proxy`, `proxy login`, `TLS`, `WebSocket`, `long-poll`, `QUIC`, `idle`. */
  readonly what: string;
  /** `skipped`: there was no need, or no way, to try it. */
  readonly result: 'ok' | 'failed' | 'skipped';
  /** In words: what was found, or why it failed. */
  readonly found: string;
  /** Of a failure: its code, and what the reader can do. */
  readonly code?: string;
  readonly remedy?: string;
  /** How long it took, in milliseconds; absent where nothing was tried. */
  readonly ms?: number;
}

/** Tries something; what it answers is what was found. What it throws is the failure. */
export async function tryStep(what: string, attempt: () => Promise<string>): Promise<Step> {
  const began = performance.now();
  const ms = (): number => Math.round((performance.now() - began) * 10) / 10;
  try {
    return { what, result: 'ok', found: await attempt(), ms: ms() };
  } catch (thrown) {
    const { message, code, advice } = asSallyportError(thrown);
    return { what, result: 'failed', found: message, code, remedy: advice, ms: ms() };
  }
}

export function skipped(what: string, found: string): Step {
  return { what, result: 'skipped', found };
}
