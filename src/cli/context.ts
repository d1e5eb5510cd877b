/** What a command gets from the command line. */
import type { Readable, Writable } from 'node:stream';
import type { Loaded } from '../config/load.ts';

export interface Streams {
  /** Opened by the first look at it, so that a command may use the descriptor in its own way. */
  readonly stdin: Readable;
  /** Data and results only. A reader that went away (EPIPE) is no error. */
  readonly stdout: Writable;
  /** Logs and errors. */
  readonly stderr: Writable;
}

export interface CommandContext<Options> extends Streams {
  /** Checked, with defaults, in the units that `OptionsOf` states: durations are milliseconds. */
  readonly options: Options;
  /** The same, with the files that they came from. */
  readonly loaded: Loaded<Options>;
  /** Reads flags, variables and files again. Rejects with everything that is wrong with them. */
  readonly load: () => Promise<Loaded<Options>>;
  /** As many as the command takes. */
  readonly positionals: readonly string[];
  /**
   * Aborted by the first SIGINT or SIGTERM: end in good order, or reject with its reason to exit with
   * 130 or 143. A second one ends the process at once.
   */
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
}

/**
 * A command resolves to the exit code of the process. It throws a SallyportError to have it printed
 * and the process exit with the code of that error.
 */
export type Run<Options> = (context: CommandContext<Options>) => Promise<number>;
