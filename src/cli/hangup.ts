/** SIGHUP: by convention the wish that a daemon reads its configuration again. */

/** Calls the listener at each SIGHUP, which no longer ends the process. Returns what undoes that. */
export function onHangup(listener: () => void): () => void {
  process.on('SIGHUP', listener);
  return () => void process.off('SIGHUP', listener);
}
