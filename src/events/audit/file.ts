/**
 * The audit file: every event as a line that proves the ones before it. When it cannot be written
 * (a full disk, for example), traffic goes on; that is told as an error until it is over, events wait
 * in the log, and those that do not fit there are missing from the file with a line that says so.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  AUDIT_COMPLAINT_MS,
  AUDIT_RETRY_MS,
  AUDIT_SYNC_MS,
  EVENT_SINK_CLOSE_MS,
} from '../../limits.ts';
import type { Logger } from '../../observe/logger.ts';
import { createEventCursor, type EventBatch } from '../cursor.ts';
import type { EventFilter } from '../filter.ts';
import type { EventFeed } from '../log.ts';
import type { EventSink } from '../sink.ts';
import { chainLine, type ChainLink } from './chain.ts';
import { openAuditStorage, rotateAudit, unusable } from './storage.ts';

export interface AuditFileOptions {
  readonly file: string;
  readonly events: EventFeed;
  readonly filter?: EventFilter;
  /** A file that would grow beyond so many bytes is put aside. Default: never. */
  readonly maxBytes?: number;
  /** Program and version: the first line of each run names them. */
  readonly program: string;
  readonly log: Pick<Logger, 'error' | 'warn' | 'info'>;
  /** Pause before what failed is tried again. Default: AUDIT_RETRY_MS. */
  readonly retryMs?: number;
}

/** Resolves when the line that tells of its opening is written. Rejects with CONFIG_INVALID. */
export async function openAuditFile(options: AuditFileOptions): Promise<EventSink> {
  const { file, events, filter, maxBytes = Infinity, program, log } = options;
  const { retryMs = AUDIT_RETRY_MS } = options;
  const after = events.seq;
  const closing = new AbortController();
  let storage = await openAuditStorage(file);
  const cursor = createEventCursor(events, filter === undefined ? { after } : { after, filter });
  let last: ChainLink = storage.last;
  let lost = 0;
  let complainedAt = -Infinity;
  let syncing: NodeJS.Timeout | null = null;

  function chained(entries: readonly object[]): string {
    return entries
      .map((entry) => {
        const line = chainLine(last, entry);
        last = line;
        return line.text;
      })
      .join('');
  }

  /** Rotates when it is time to, or when somebody has moved the file away. */
  async function settle(length: number, before: ChainLink): Promise<void> {
    const full = storage.size > 0 && storage.size + length > maxBytes;
    if (!full && (syncing !== null || (await storage.inPlace()))) return;
    await storage.sync();
    if (full && (await storage.inPlace())) await rotateAudit(file, before);
    const next = await openAuditStorage(file);
    await storage.close();
    storage = next;
  }

  function complain(thrown: unknown): void {
    const now = performance.now();
    if (now - complainedAt < AUDIT_COMPLAINT_MS) return;
    complainedAt = now;
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    log.error({ file, error }, 'the audit file cannot be written; events wait in memory');
  }

  /** Resolves when it is written; false when that failed until the end. */
  async function write(entries: readonly object[]): Promise<boolean> {
    const before = last;
    const text = chained(entries);
    for (;;) {
      try {
        await settle(Buffer.byteLength(text), before);
        await storage.append(text);
        syncing ??= setTimeout(sync, AUDIT_SYNC_MS).unref();
        if (complainedAt > -Infinity) log.info({ file }, 'the audit file is written again');
        complainedAt = -Infinity;
        return true;
      } catch (thrown) {
        complain(thrown);
        if (closing.signal.aborted) return false;
        await pause(retryMs, undefined, { signal: closing.signal }).catch(() => {});
      }
    }
  }

  function sync(): void {
    syncing = null;
    storage.sync().catch(complain);
  }

  async function take({ missed, events: found }: EventBatch): Promise<void> {
    const gap = { type: 'audit.missed', time: Date.now(), missed };
    if (missed > 0) {
      lost += missed;
      log.error({ file, missed }, 'events are missing from the audit file: it was too slow');
    }
    if (!(await write(missed > 0 ? [gap, ...found] : found))) lost += found.length;
  }

  async function run(): Promise<void> {
    for (let next = await cursor.next(); next !== null; next = await cursor.next())
      await take(next);
    clearTimeout(syncing ?? undefined);
    await storage.sync().catch(complain);
    await storage.close();
  }

  const { cut } = storage;
  const opened = { type: 'audit.opened', time: Date.now(), program, run: events.run };
  try {
    await storage.append(chained([cut > 0 ? { ...opened, cut } : opened]));
  } catch (thrown) {
    cursor.close();
    await storage.close();
    throw unusable(file, thrown);
  }
  if (cut > 0)
    log.warn({ file, cut }, 'an unfinished line at the end of the audit file was cut off');
  const running = run();

  return {
    name: 'audit',
    get behind() {
      return cursor.behind;
    },
    get lost() {
      return lost;
    },
    async close() {
      cursor.end();
      closing.abort();
      await Promise.race([running, pause(EVENT_SINK_CLOSE_MS, undefined, { ref: false })]);
      lost += cursor.behind;
      cursor.close();
    },
  };
}
