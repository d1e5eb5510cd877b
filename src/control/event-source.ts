/** Reads an event stream: HTML Standard, section 9.2.6, "Interpreting an event stream". */
import { StringDecoder } from 'node:string_decoder';
import { SallyportError } from '../errors.ts';
import { CONTROL_EVENT_MAX_CHARS } from '../limits.ts';

export interface StreamMessage {
  /** The place to come back to; empty when none was told. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/**
 * The messages of a stream, and one with empty data whenever only the place changed. Throws
 * PROTOCOL_MESSAGE for one that is too long.
 */
export async function* readMessages(pieces: AsyncIterable<Buffer>): AsyncGenerator<StreamMessage> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  let length = 0;
  for await (const piece of pieces) {
    const lines = (rest + decoder.write(piece)).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === '') {
        yield { id, event: event === '' ? 'message' : event, data: data.join('\n') };
        event = '';
        data = [];
        length = 0;
        continue;
      }
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line)!;
      if (name === 'id') id = value;
      else if (name === 'event') event = value;
      else if (name === 'data') data.push(value);
      length += line.length;
    }
    if (length + rest.length > CONTROL_EVENT_MAX_CHARS)
      throw new SallyportError('PROTOCOL_MESSAGE', 'events: a message of the server is too long');
  }
}
