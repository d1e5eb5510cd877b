/** Writes a Response to a wire, no faster than its reader reads. */
import { STATUS_CODES } from 'node:http';
import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Wire } from '../net/wire.ts';

export interface ResponseWriterOptions {
  /** Without its body: the request was a HEAD. */
  readonly headOnly: boolean;
  /** Called before each wait for the reader of the wire, and after it. */
  waits(waiting: boolean): void;
  /** Aborted when the wire is gone. */
  readonly signal: AbortSignal;
}

/** A large body leaves in pieces of this size, so that each is a sign of life. */
const PIECE_BYTES = 64 * 1024;

/**
 * Resolves when everything has left, or the signal was aborted; then the body is cancelled. An event
 * stream goes out as it comes and ends with the connection; any other body is sent with its length.
 */
export async function writeResponse(
  wire: Wire,
  response: Response,
  { headOnly, waits, signal }: ResponseWriterOptions,
): Promise<void> {
  const streamed = response.headers.get('Content-Type') === 'text/event-stream';
  const whole = streamed ? null : Buffer.from(await response.arrayBuffer());
  if (signal.aborted) return void response.body?.cancel();
  wire.write(headOf(response, whole?.length ?? null));
  if (headOnly) await response.body?.cancel();
  else if (whole !== null) await writeWhole(whole);
  else await pass(response.body!.getReader());
  await written();

  async function writeWhole(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !signal.aborted; at += PIECE_BYTES) {
      wire.write(bytes.subarray(at, at + PIECE_BYTES));
      if (wire.backlog > PIECE_BYTES) await written();
    }
  }

  async function pass(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const gone = (): void => void reader.cancel();
    signal.addEventListener('abort', gone);
    if (signal.aborted) gone();
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      wire.write(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      await written();
      await othersTurn();
    }
  }

  async function written(): Promise<void> {
    if (wire.backlog === 0 || signal.aborted) return;
    waits(true);
    await new Promise<void>((resolve) => {
      wire.afterWrites(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    waits(false);
  }
}

/** Without a length the body ends with its connection: RFC 9112, section 6.3. */
function headOf({ status, headers }: Response, length: number | null): Buffer {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Status'}`];
  lines.push(`Date: ${new Date().toUTCString()}`, 'Connection: close');
  for (const [name, value] of headers)
    if (name !== 'content-length') lines.push(`${name}: ${value}`);
  if (length !== null && status !== 204) lines.push(`Content-Length: ${length}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
