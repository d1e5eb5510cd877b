/**
 * Events sent to somebody's web server: batches, in order, signed, tried again while that can help.
 * What cannot be delivered is dropped, counted, and told with the next delivery. Nobody waits for it.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  EVENT_SINK_CLOSE_MS,
  WEBHOOK_ANSWER_MAX_BYTES,
  WEBHOOK_ATTEMPTS_MAX,
  WEBHOOK_PAUSE_MAX_MS,
  WEBHOOK_PAUSE_MIN_MS,
  WEBHOOK_TIMEOUT_MS,
} from '../limits.ts';
import { createBackoff, type BackoffOptions } from '../net/backoff.ts';
import { callHttp } from '../net/http-call.ts';
import type { Logger } from '../observe/logger.ts';
import { createEventCursor, type EventBatch } from './cursor.ts';
import { eventText } from './event-text.ts';
import type { EventFilter } from './filter.ts';
import type { EventFeed } from './log.ts';
import type { EventSink } from './sink.ts';

export interface WebhookOptions {
  /** Names it in logs and metrics. Its URL could hold a secret. */
  readonly name: string;
  readonly url: URL;
  /** Signs every delivery. */
  readonly secret: string;
  readonly events: EventFeed;
  readonly filter?: EventFilter;
  readonly log: Pick<Logger, 'error' | 'warn' | 'info'>;
  /** Pauses between tries. Default: those of the limits. */
  readonly pauses?: BackoffOptions;
}

/** One try of a delivery. */
interface Attempt {
  readonly body: string;
  /** Names the delivery: the same each time that it is tried. */
  readonly id: string;
}

const slowing: BackoffOptions = { min: WEBHOOK_PAUSE_MIN_MS, max: WEBHOOK_PAUSE_MAX_MS };

export function createWebhook(options: WebhookOptions): EventSink {
  const { name, url, secret, events, filter, log, pauses = slowing } = options;
  const cursor = createEventCursor(events, filter === undefined ? {} : { filter });
  const closing = new AbortController();
  const gone = new AbortController();
  const facts = { webhook: name, host: url.host };
  let lost = 0;
  /** Not told to the other end yet. */
  let untold = 0;
  let failing = false;

  /** Null, or what went wrong. */
  async function post({ body, id }: Attempt): Promise<string | null> {
    const time = Math.floor(Date.now() / 1_000);
    try {
      const { status } = await callHttp(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          'Sallyport-Delivery': id,
          'Sallyport-Signature': `t=${time},v1=${signature(secret, time, body)}`,
        },
        body,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        maxBytes: WEBHOOK_ANSWER_MAX_BYTES,
        signal: gone.signal,
      });
      return status >= 200 && status < 300 ? null : `status ${status}`;
    } catch (thrown) {
      return (thrown as Error).message;
    }
  }

  /** False when it is given up. */
  async function deliver(attempt: Attempt): Promise<boolean> {
    const backoff = createBackoff(pauses);
    for (let tries = 1; ; tries++) {
      const error = await post(attempt);
      if (error === null) return true;
      if (!failing) log.warn({ ...facts, error }, 'a webhook failed; it is tried again');
      failing = true;
      if (tries === WEBHOOK_ATTEMPTS_MAX || closing.signal.aborted) return false;
      await pause(backoff.next(), undefined, { signal: closing.signal, ref: false }).catch(
        () => {},
      );
    }
  }

  async function take({ missed, events: found }: EventBatch): Promise<void> {
    lost += missed;
    untold += missed;
    const { run } = events;
    const told = untold;
    const body = `{"run":"${run}","missed":${told},"events":[${found.map(eventText).join(',')}]}`;
    if (await deliver({ body, id: `${run}-${cursor.seq}` })) {
      untold = 0;
      if (failing) log.info({ ...facts, missed: told }, 'the webhook takes events again');
      failing = false;
    } else {
      lost += found.length;
      untold += found.length;
      log.error({ ...facts, events: found.length }, 'events were dropped: their webhook failed');
    }
  }

  async function takeAll(): Promise<void> {
    for (let next = await cursor.next(); next !== null; next = await cursor.next())
      await take(next);
  }
  const running = takeAll();

  return {
    name,
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
      const left = cursor.behind;
      lost += left;
      cursor.close();
      gone.abort();
      await running;
      if (left > 0) log.error({ ...facts, events: left }, 'events were dropped: the server ended');
    },
  };
}

/** HMAC-SHA256 over the time in seconds, a full stop, and the body; in hexadecimal digits. */
function signature(secret: string, time: number, body: string): string {
  return createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
}
