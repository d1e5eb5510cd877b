/**
 * Events as a stream for EventSource (HTML Standard, section 9.2, "Server-sent events"): one message
 * for each, whose id is a place to come back to. A reader that is behind is not waited for: once the
 * log has gone past it, a message `lagged` says how many events it missed, and to look again at what
 * there is.
 */
import { EVENT_KEEP_ALIVE_MS, EVENT_RETRY_MS, EVENT_STREAM_BUFFER_BYTES } from '../limits.ts';
import { createEventCursor } from './cursor.ts';
import { eventText } from './event-text.ts';
import type { SallyportEvent } from './event.ts';
import type { EventFilter } from './filter.ts';
import type { EventFeed } from './log.ts';

export interface EventStreamOptions {
  readonly filter?: EventFilter;
  /**
   * Where the reader was: the id of a message (`RUN-SEQ`, from the field Last-Event-ID), or the `seq`
   * of a snapshot. What came after it comes first, and what is no longer kept as `lagged`. Absent:
   * from now on.
   */
  readonly lastEventId?: string;
  /** How often a quiet stream shows that it is alive. Default: EVENT_KEEP_ALIVE_MS. */
  readonly keepAliveMs?: number;
}

/** Fields of the response that carries the stream. */
export const eventStreamHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // nginx would keep events until its buffer is full.
  'X-Accel-Buffering': 'no',
};

/** Ends when its reader cancels it. Nothing is read from the log while the reader takes nothing. */
export function createEventStream(
  log: EventFeed,
  options: EventStreamOptions = {},
): ReadableStream<Uint8Array> {
  const { filter, lastEventId, keepAliveMs = EVENT_KEEP_ALIVE_MS } = options;
  const place = lastEventId === undefined ? log.seq : placeOf(lastEventId, log);
  const cursor = createEventCursor(log, {
    after: place ?? log.seq,
    ...(filter === undefined ? {} : { filter }),
  });
  const idLine = (seq: number): string => `id: ${log.run}-${seq}\n`;
  const message = (event: SallyportEvent): string =>
    `${idLine(event.seq)}event: ${event.type}\ndata: ${eventText(event)}\n\n`;
  const lagged = (missed: number | null, seq: number): string =>
    `${idLine(seq)}event: lagged\ndata: ${JSON.stringify({ missed, seq })}\n\n`;
  let timer: NodeJS.Timeout;

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const greeting = `retry: ${EVENT_RETRY_MS}\n${idLine(cursor.seq)}\n`;
        controller.enqueue(
          bytesOf(place === null ? greeting + lagged(null, cursor.seq) : greeting),
        );
        // The id goes along: a reader whose filter lets little through keeps its place nevertheless.
        timer = setInterval(() => {
          if (controller.desiredSize! > 0)
            controller.enqueue(bytesOf(`: \n${idLine(cursor.seq)}\n`));
        }, keepAliveMs).unref();
      },

      async pull(controller) {
        const before = cursor.seq;
        const batch = await cursor.next();
        if (batch === null) return;
        const { missed, events } = batch;
        const told = missed > 0 ? lagged(missed, before + missed) : '';
        controller.enqueue(bytesOf(told + events.map(message).join('')));
      },

      cancel() {
        clearInterval(timer);
        cursor.close();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: EVENT_STREAM_BUFFER_BYTES }),
  );
}

/** The number that a reader came to; null when it tells nothing in this run. */
function placeOf(id: string, log: EventFeed): number | null {
  const [, run = log.run, digits] = /^(?:([0-9a-f]+)-)?(\d{1,15})$/.exec(id) ?? [];
  const seq = digits === undefined ? NaN : Number(digits);
  return run === log.run && seq <= log.seq ? seq : null;
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}
