/**
 * Where log lines go: a stream that may be slow, stuck or gone without anybody else noticing.
 *
 * Lines are gathered for one turn of the event loop and written at once. When the stream is behind
 * by LOG_BACKLOG_MAX_BYTES, lines are dropped and counted until it has caught up, and the count is
 * told then. A stream that fails (EPIPE: the reader of the log went away) takes no more lines.
 */
import type { Writable } from 'node:stream';
import { LOG_BACKLOG_MAX_BYTES, LOG_BATCH_CHARS } from '../limits.ts';

/** How important a line is, from the least on. */
export type Severity = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface LineSink {
  /** Takes a line with its line end; never blocks, never throws. */
  write(line: string, severity?: Severity): void;
  /** Hands what was gathered on now. */
  flush(): void;
  /** Told how many lines were dropped, once it has caught up. */
  dropped: (count: number) => void;
}

/** A sink that its owner closes: what it still holds has LOG_CLOSE_MS to leave. */
export interface ClosedSink extends LineSink {
  close(): Promise<void>;
}

const sinks = new WeakMap<Writable, LineSink>();
/** Sinks with gathered lines: what is to be flushed when the process exits. */
const gathering = new Set<LineSink>();

/** The sink of a stream; one for each stream, whoever asks. The stream stays its owner's to end. */
export function lineSink(stream: Writable): LineSink {
  const existing = sinks.get(stream);
  if (existing !== undefined) return existing;
  if (!process.listeners('exit').includes(flushAll)) process.on('exit', flushAll);
  const sink = createLineSink(stream);
  sinks.set(stream, sink);
  return sink;
}

function flushAll(): void {
  for (const sink of gathering) sink.flush();
}

function createLineSink(stream: Writable): LineSink {
  let gathered = '';
  let behind = false;
  let gone = false;
  let lost = 0;

  const sink: LineSink = {
    write(line) {
      if (gone) return;
      if (behind || stream.writableLength >= LOG_BACKLOG_MAX_BYTES) {
        behind = true;
        lost++;
        return;
      }
      if (gathered === '') {
        gathering.add(sink);
        setImmediate(sink.flush);
      }
      gathered += line;
      if (gathered.length >= LOG_BATCH_CHARS) sink.flush();
    },
    flush() {
      if (gathered === '') return;
      const lines = gathered;
      gathered = '';
      gathering.delete(sink);
      if (!gone) stream.write(lines);
    },
    dropped() {},
  };

  stream.on('drain', () => {
    if (!behind) return;
    const count = lost;
    behind = false;
    lost = 0;
    sink.dropped(count);
  });
  const leave = (): void => {
    gone = true;
  };
  stream.on('error', leave);
  stream.on('close', leave);
  return sink;
}
