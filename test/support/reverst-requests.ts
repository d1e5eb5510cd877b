/** Requests of a server to a client of reverst, without either: streams played by hand, and HTTP/3 in memory. */
import { RequestQueue } from '../../src/compat/reverst/gateway/request-queue.ts';
import type { BodyReceiver } from '../../src/compat/reverst/http3/request-stream.ts';
import { HEADROOM, Slab } from '../../src/net/slab.ts';
import type { Stream, StreamEnd, StreamReceiver } from '../../src/session/session.ts';
import { joinEnds, type JoinedEnds, type Served } from './http3-exchange.ts';

/** The server's stream, played by hand. */
export class PlayedStream implements Stream {
  readonly id = 1;
  receiver: StreamReceiver = { data() {}, finished() {}, reset() {}, drained() {} };
  writable = true;
  over = false;
  bytesSent = 0;
  bytesReceived = 0;
  credited = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  /** What the server reads, behind the answer. */
  text = '';
  /** `ok`, or the code of the refusal. */
  answer: string | null = null;
  readonly acts: string[] = [];

  write(slab: Slab, start: number, end: number): void {
    this.send(slab.bytes.subarray(start, end));
  }
  send(bytes: Buffer): void {
    if (this.answer === null) {
      const said = JSON.parse(bytes.toString('utf8', 4)) as {
        ok?: true;
        error?: { code: string };
      };
      this.answer = said.ok ? 'ok' : said.error!.code;
    } else this.text += bytes.toString('latin1');
  }
  end(): void {
    this.acts.push('end');
  }
  reset(): void {
    this.acts.push('reset');
    this.leave();
  }
  credit(n: number): void {
    this.credited += n;
  }
  /** The server has reset it. */
  leave(): void {
    this.over = true;
    this.onOver?.('closed');
  }
}

export interface QueueStage extends JoinedEnds {
  readonly queue: RequestQueue;
  /** How many more the client allows. */
  allowed: { bidiLeft: number };
  /** A request of these bytes, in pieces of so many. */
  ask(text: string, size?: number): PlayedStream;
  more(stream: PlayedStream, text: string, size?: number): void;
}

/** `window`: what HTTP/3 takes without credit. */
export function queueStage(
  handle?: (served: Served) => BodyReceiver | void,
  window?: number,
): QueueStage {
  const ends = joinEnds('server', handle, window);
  const allowed = { bidiLeft: 100 };
  const queue = new RequestQueue(ends.asking, allowed);
  ends.memory.run();
  const more = (stream: PlayedStream, text: string, size = text.length): void => {
    for (let at = 0; at < text.length; at += size) {
      const bytes = Buffer.concat([Buffer.alloc(HEADROOM), Buffer.from(text.slice(at, at + size))]);
      stream.receiver.data(new Slab(bytes, null), HEADROOM, bytes.length);
    }
    ends.memory.run();
  };
  return {
    ...ends,
    queue,
    allowed,
    more,
    ask(text, size) {
      const stream = new PlayedStream();
      stream.receiver = queue.take(stream);
      more(stream, text, size);
      return stream;
    },
  };
}
