/**
 * The configuration of a running server: its files are followed, read again, and what is different is
 * taken over. One that cannot be used leaves everything as it was, and says so.
 */
import { isDeepStrictEqual } from 'node:util';
import { compareLoaded } from '../config/comparison.ts';
import type { Loaded } from '../config/load.ts';
import { ConfigError } from '../config/problem.ts';
import type { OptionsOf } from '../config/schema.ts';
import { asSallyportError, type SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import { CONFIG_PROBLEMS_TOLD_MAX } from '../limits.ts';
import type { Logger } from '../observe/logger.ts';
import { watchFiles } from '../observe/watched-files.ts';

type Options = OptionsOf<'server'>;

export interface LiveConfigOptions {
  /** What the server was started with. */
  readonly loaded: Loaded<Options>;
  /** Reads all sources again. Rejects as `loadOptions` does. */
  load(): Promise<Loaded<Options>>;
  /** Takes options over, of which those keys changed. What it rejects with refuses all of them. */
  apply(options: Options, changed: readonly string[]): void | Promise<void>;
  readonly events: Pick<EventLog, 'publish'>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Keys of options, as files write them. */
export interface ReloadResult {
  /** Taken over now. */
  readonly changed: readonly string[];
  /** Others than those that run: they need a restart. */
  readonly restart: readonly string[];
}

export interface LiveConfig {
  /**
   * Reads everything again and takes it over. Rejects with CONFIG_INVALID or USAGE and every problem
   * when it cannot be used: then what was before stays.
   */
  reload(): Promise<ReloadResult>;
  /** The options that run. */
  readonly options: Options;
  /** What is wrong with the files as they are now; empty when nothing is. */
  readonly problems: readonly string[];
  /** Keys of options whose new values wait for a restart. */
  readonly restart: readonly string[];
  close(): void;
}

export function followConfig({
  load,
  apply,
  events,
  log,
  ...start
}: LiveConfigOptions): LiveConfig {
  let running = start.loaded;
  let restart: readonly string[] = [];
  let problems: readonly string[] = [];
  /** One at a time; a second one waits, and whoever comes then waits with it. */
  let reading: Promise<ReloadResult> | null = null;
  let waiting: Promise<ReloadResult> | null = null;

  /** `asked`: somebody wants to hear of it even when there is nothing new. */
  async function read(asked: boolean): Promise<ReloadResult> {
    try {
      const next = await load();
      const compared = compareLoaded('server', running, next);
      const { changed } = compared;
      if (changed.length > 0) await apply(compared.running.options, changed);
      running = compared.running;
      watched.follow(filesOf(next));
      taken(compared, asked);
      return { changed, restart };
    } catch (thrown) {
      const error = asSallyportError(thrown);
      refused(error, asked);
      throw error;
    }
  }

  function taken(result: ReloadResult, asked: boolean): void {
    const news = asked || problems.length > 0 || !isDeepStrictEqual(restart, result.restart);
    problems = [];
    restart = result.restart;
    if (result.changed.length === 0 && !news) return;
    const { changed } = result;
    events.publish('config.reloaded', { changed, restart });
    if (restart.length === 0) log.info({ changed }, 'configuration reloaded');
    else log.warn({ changed, restart }, 'configuration reloaded; some of it needs a restart');
  }

  function refused(error: SallyportError, asked: boolean): void {
    const found = error instanceof ConfigError ? error.problems : [error.message];
    // A file that a new option names may be what is missing.
    if (error instanceof ConfigError) watched.follow([...filesOf(running), ...error.files]);
    const told = found.slice(0, CONFIG_PROBLEMS_TOLD_MAX);
    if (!asked && isDeepStrictEqual(problems, told)) return;
    problems = told;
    events.publish('config.refused', { problems });
    const { code } = error;
    log.error({ code, problems }, 'configuration not reloaded; the old one stays');
  }

  function reload(asked: boolean): Promise<ReloadResult> {
    if (reading === null) {
      reading = read(asked).finally(() => (reading = null));
      return reading;
    }
    waiting ??= reading
      .catch(() => {})
      .then(() => {
        waiting = null;
        return reload(asked);
      });
    return waiting;
  }

  const watched = watchFiles(filesOf(start.loaded), () => void reload(false).catch(() => {}));

  return {
    reload: () => reload(true),
    get options() {
      return running.options;
    },
    get problems() {
      return problems;
    },
    get restart() {
      return restart;
    },
    close: () => watched.close(),
  };
}

function filesOf({ files }: Loaded<Options>): string[] {
  return files.map(({ file }) => file);
}
