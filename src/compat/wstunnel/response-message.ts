/** A response as it stands in a message, behind the id. */
import { HEADROOM } from '../../net/slab.ts';
import { ID_BYTES, writeId } from './message-id.ts';
import type { Refusal } from './target-choice.ts';

/** A message in `bytes`, from HEADROOM on. */
export interface Message {
  readonly bytes: Buffer;
  /** Where the body begins that is still to be written. */
  readonly bodyStart: number;
}

/** With room for a body of `bodyLength` bytes. */
export function responseMessage(id: number, head: readonly string[], bodyLength: number): Message {
  const text = `${head.join('\r\n')}\r\n\r\n`;
  const bodyStart = HEADROOM + ID_BYTES + Buffer.byteLength(text, 'latin1');
  const bytes = Buffer.allocUnsafe(bodyStart + bodyLength);
  writeId(bytes, HEADROOM, id);
  bytes.write(text, HEADROOM + ID_BYTES, 'latin1');
  return { bytes, bodyStart };
}

/** What the client says by itself. The reason phrase is always this one, as originals have it. */
export function refusalMessage(id: number, { status, text }: Refusal): Buffer {
  const body = Buffer.from(text);
  const head = [
    `HTTP/1.1 ${status} Bad Gateway`,
    `Content-Length: ${body.length}`,
    'Content-Type: text/plain',
    `Date: ${new Date().toUTCString()}`,
    'Server: wstunnel',
  ];
  const { bytes, bodyStart } = responseMessage(id, head, body.length);
  body.copy(bytes, bodyStart);
  return bytes;
}
