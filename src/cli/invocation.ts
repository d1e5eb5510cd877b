/** What the process gives to the command line. */
import type { Streams } from './context.ts';

export interface Invocation extends Streams {
  /** Without the program and the script. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Relative paths start here. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly version: string;
}
