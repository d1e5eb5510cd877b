/**
 * Files that are followed: told when they are others than they were.
 *
 * Directories are watched, not the files: a file that is renamed over another, and a swap of links as
 * Kubernetes does it, replace what a watched file is. Every directory counts whose entries decide
 * which file a path names, so a link may be swapped anywhere along the path. What cannot be watched,
 * as on a network file system, is looked at every FILES_POLL_MS.
 */
import fs from 'node:fs';
import path from 'node:path';
import { FILES_POLL_MS, FILES_SETTLE_MS } from '../limits.ts';

/** Links followed along one path: as many as Linux follows. */
const LINKS_MAX = 40;

export interface WatchedFiles {
  /** Follows these in place of the ones before. Others than before count as a change. */
  follow(files: readonly string[]): void;
  close(): void;
}

/**
 * Calls `changed` when a file changed, appeared or went, and they have been still since then: nobody
 * is in the midst of writing. It is called once soon after the start as well, so that whoever has
 * read the files before does not miss what happened in between.
 */
export function watchFiles(files: readonly string[], changed: () => void): WatchedFiles {
  const watchers = new Map<string, fs.FSWatcher>();
  let followed: readonly string[] = [];
  /** What the files were when a change was told last, and at the last look. */
  let told = '';
  let seen = '';
  let timer: NodeJS.Timeout | undefined;
  let soon = false;

  function lookSoon(): void {
    if (soon) return;
    soon = true;
    lookIn(FILES_SETTLE_MS);
  }

  function lookIn(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(look, ms).unref();
  }

  function look(): void {
    soon = false;
    watchDirectories();
    const now = followed.map(signature).join('\n');
    const still = now === seen;
    seen = now;
    if (now !== told && !still) return lookSoon();
    lookIn(FILES_POLL_MS);
    if (now === told) return;
    told = now;
    changed();
  }

  /** A directory that another has replaced under its name is watched anew. */
  function watchDirectories(): void {
    const wanted = new Map<string, string>();
    for (const directory of followed.flatMap(decisiveDirectories)) {
      wanted.set(`${directory}\n${inode(directory)}`, directory);
    }
    for (const [key, watcher] of watchers) {
      if (wanted.has(key)) continue;
      watcher.close();
      watchers.delete(key);
    }
    for (const [key, directory] of wanted) if (!watchers.has(key)) watch(key, directory);
  }

  function watch(key: string, directory: string): void {
    try {
      const watcher = fs.watch(directory, { persistent: false }, lookSoon);
      watchers.set(key, watcher);
      watcher.on('error', () => watcher.close());
    } catch {
      // It is looked at from time to time, as all of them.
    }
  }

  function follow(next: readonly string[]): void {
    const sorted = [...new Set(next)].toSorted();
    if (sorted.join('\n') === followed.join('\n')) return;
    followed = sorted;
    told = '';
    watchDirectories();
    lookSoon();
  }

  follow(files);
  return {
    follow,
    close() {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

/** Tells two states of a file apart without reading it. */
function signature(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = fs.statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}

function inode(directory: string): string {
  try {
    const { dev, ino } = fs.statSync(directory, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return 'absent';
  }
}

/** The directory of the file, and those of all links on the way to it. */
function decisiveDirectories(file: string): string[] {
  const { root } = path.parse(path.resolve(file));
  const partsOf = (absolute: string): string[] => absolute.split(path.sep).slice(1);
  const found: string[] = [];
  let at = root;
  let rest = partsOf(path.resolve(file));
  for (let links = 0; rest.length > 0 && links <= LINKS_MAX;) {
    const [name, ...others] = rest;
    const entry = path.join(at, name);
    const target = linkTarget(entry);
    if (target !== null || others.length === 0) found.push(at);
    if (target === null) {
      at = entry;
      rest = others;
    } else {
      links++;
      at = root;
      rest = [...partsOf(path.resolve(path.dirname(entry), target)), ...others];
    }
  }
  return found;
}

function linkTarget(entry: string): string | null {
  try {
    return fs.readlinkSync(entry);
  } catch {
    return null;
  }
}
