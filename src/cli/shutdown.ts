/** How a user or a service manager ends the process. */

/** Exit codes that shells give to a process that a signal ended: 128 and its number. */
const exitBySignal = { SIGINT: 130, SIGTERM: 143 } as const;

type ShutdownName = keyof typeof exitBySignal;

/** Why the signal of a command is aborted. */
export class ShutdownError extends Error {
  override readonly name = 'ShutdownError';
  readonly exit: number;

  constructor(signal: ShutdownName) {
    super(`ended by ${signal}`);
    this.exit = exitBySignal[signal];
  }
}

/** Aborts at the first SIGINT or SIGTERM; the second ends the process at once. */
export function shutdownSignal(): AbortSignal {
  const shutdown = new AbortController();
  for (const name of Object.keys(exitBySignal) as ShutdownName[]) {
    process.on(name, () => {
      if (shutdown.signal.aborted) process.exit(exitBySignal[name]);
      shutdown.abort(new ShutdownError(name));
    });
  }
  return shutdown.signal;
}

/** The exit code when a command was broken off by the shutdown; null when it failed of itself. */
export function exitOfShutdown(thrown: unknown, signal: AbortSignal): number | null {
  const reason: unknown = signal.reason;
  if (!(reason instanceof ShutdownError)) return null;
  return thrown === reason || (thrown instanceof Error && thrown.name === 'AbortError')
    ? reason.exit
    : null;
}
