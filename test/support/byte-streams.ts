/** Two ends of a connection in memory that speaks as QUIC does to HTTP/3; nothing moves until `run`. */
import type {
  ByteReceiver,
  ByteStream,
  StreamSession,
} from '../../src/compat/reverst/http3/byte-stream.ts';

/** Steps of one `run`: more would be a loop. */
const STEPS_MAX = 1_000_000;

export interface PeerStreamAcceptor {
  acceptBidi(stream: ByteStream): ByteReceiver;
  acceptUni(stream: ByteStream): ByteReceiver;
}

export interface MemoryEnd extends StreamSession {
  /** Who takes streams that the other end opens. */
  acceptor: PeerStreamAcceptor | null;
  /** What this end closed the connection with. */
  readonly closes: { code: number; reason: string }[];
}

/** One direction of a stream. */
class Direction {
  receiver: ByteReceiver | null = null;
  sent = 0;
  credited = 0;
  stopped = false;
  over = false;
  queue: { payload: boolean; deliver: () => void }[] = [];
}

export class MemoryStream implements ByteStream {
  readonly id: number;
  /** `end`, `reset 0x10c`, `stop 0x100`: what this end did, in order. */
  readonly acts: string[] = [];
  /** All bytes that this end sent. */
  readonly bytes: Buffer[] = [];
  readonly #out: Direction;
  readonly #in: Direction;
  readonly #window: number;

  constructor(id: number, out: Direction, into: Direction, window: number) {
    this.id = id;
    this.#out = out;
    this.#in = into;
    this.#window = window;
  }

  get writable(): boolean {
    return this.#out.sent - this.#out.credited < this.#window;
  }

  write(bytes: Buffer): void {
    if (this.#out.over) return;
    const copy = Buffer.from(bytes);
    this.bytes.push(copy);
    this.#out.sent += copy.length;
    this.#say(true, (receiver) => receiver.data(Buffer.from(copy)));
  }

  end(): void {
    if (this.#out.over) return;
    this.acts.push('end');
    this.#out.over = true;
    this.#say(true, (receiver) => receiver.finished());
  }

  reset(code: number): void {
    if (this.#out.over) return;
    this.acts.push(`reset 0x${code.toString(16)}`);
    this.#out.over = true;
    this.#out.queue = this.#out.queue.filter(({ payload }) => !payload);
    this.#say(false, (receiver) => receiver.reset(code));
  }

  stop(code: number): void {
    if (this.#in.stopped) return;
    this.acts.push(`stop 0x${code.toString(16)}`);
    this.#in.stopped = true;
    // Travels with what this end sends, as it may in QUIC.
    this.#say(false, (receiver) => receiver.stopped(code));
  }

  credit(n: number): void {
    const stood = this.#in.sent - this.#in.credited >= this.#window;
    this.#in.credited += n;
    if (stood && this.#in.sent - this.#in.credited < this.#window)
      this.#say(false, (receiver) => receiver.drained());
  }

  #say(payload: boolean, what: (receiver: ByteReceiver) => void): void {
    const out = this.#out;
    out.queue.push({ payload, deliver: () => what(out.receiver!) });
  }

  /** Bytes of the other end that this end has not credited. */
  get uncredited(): number {
    return this.#in.sent - this.#in.credited;
  }
}

export interface MemoryConnection {
  readonly client: MemoryEnd;
  readonly server: MemoryEnd;
  /** Streams as each end has them, by id. */
  readonly streams: Record<'client' | 'server', Map<number, MemoryStream>>;
  /** Delivers until nothing is under way. */
  run(): void;
}

/** `window`: bytes without credit before a stream is not writable. */
export function createMemoryConnection(window = 65_536): MemoryConnection {
  const directions: Direction[] = [];
  const streams = {
    client: new Map<number, MemoryStream>(),
    server: new Map<number, MemoryStream>(),
  };
  const opened = { client: [0, 0], server: [0, 0] };

  function createEnd(side: 'client' | 'server'): MemoryEnd {
    const other = side === 'client' ? 'server' : 'client';
    function open(receiver: ByteReceiver, uni: boolean): ByteStream {
      const id = opened[side][uni ? 1 : 0]++ * 4 + (uni ? 2 : 0) + (side === 'server' ? 1 : 0);
      const there = new Direction();
      const back = new Direction();
      directions.push(there, back);
      back.receiver = receiver;
      const far = new MemoryStream(id, back, there, window);
      const near = new MemoryStream(id, there, back, window);
      streams[side].set(id, near);
      streams[other].set(id, far);
      const deliver = (): void => {
        const acceptor = ends[other].acceptor!;
        there.receiver = uni ? acceptor.acceptUni(far) : acceptor.acceptBidi(far);
      };
      there.queue.push({ payload: false, deliver });
      return near;
    }
    const closes: { code: number; reason: string }[] = [];
    return {
      side,
      acceptor: null,
      closes,
      openBidi: (receiver) => open(receiver, false),
      openUni: (receiver) => open(receiver, true),
      close(code, reason) {
        closes.push({ code, reason });
        for (const direction of directions) direction.queue = [];
      },
    };
  }

  const ends = { client: createEnd('client'), server: createEnd('server') };
  return {
    ...ends,
    streams,
    run() {
      for (let steps = 0; steps < STEPS_MAX; steps++) {
        const next = directions.find((direction) => direction.queue.length > 0);
        if (next === undefined) return;
        next.queue.shift()!.deliver();
      }
      throw new Error('the two ends go on for ever');
    },
  };
}
