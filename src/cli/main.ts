/** The process: its streams, signals and exit code. */
import fs from 'node:fs';
import type { Writable } from 'node:stream';
import { dispatch } from './dispatch.ts';
import { titleWithoutSecrets } from './process-title.ts';
import { reportError } from './report.ts';
import { shutdownSignal } from './shutdown.ts';

/** Runs the command line of this process, and ends the process. */
export async function main(): Promise<void> {
  const { argv, env, stdout, stderr } = process;
  const title = titleWithoutSecrets(argv.slice(2));
  if (title !== null) process.title = title;
  ignoreGoneReader(stdout);
  ignoreGoneReader(stderr);
  process.on('uncaughtException', (thrown) => process.exit(reportError(thrown, stderr, false)));
  const code = await dispatch({
    args: argv.slice(2),
    env,
    directory: process.cwd(),
    signal: shutdownSignal(),
    version: readVersion(),
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
  });
  await Promise.all([flushed(stdout), flushed(stderr)]);
  process.exit(code);
}

/** `sallyport … | head` closes the pipe early: what is written afterwards is lost, and nothing else. */
function ignoreGoneReader(stream: Writable): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** Resolves when everything was handed to the kernel, or cannot be any more. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

function readVersion(): string {
  const text = fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
