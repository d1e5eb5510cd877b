/** The body of a request that node:http reads, for a Request. */
import type { IncomingMessage } from 'node:http';
import { FETCH_BODY_AHEAD_BYTES } from '../limits.ts';

/**
 * Read no faster than its reader reads. It fails when the request breaks off. Cancelling it lets the
 * rest of the body run out, so that the request can still be answered.
 */
export function createFetchBody(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let over = false;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        incoming.on('data', (chunk: Buffer) => {
          if (over) return;
          controller.enqueue(new Uint8Array(chunk));
          if (controller.desiredSize! <= 0) incoming.pause();
        });
        incoming.on('end', () => {
          if (!over) controller.close();
          over = true;
        });
        incoming.on('error', () => {}); // it closes next
        incoming.on('close', () => {
          if (!over) controller.error(new Error('the request broke off before its end'));
          over = true;
        });
        incoming.pause();
      },
      pull: () => void incoming.resume(),
      cancel() {
        over = true;
        incoming.resume();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: FETCH_BODY_AHEAD_BYTES }),
  );
}
