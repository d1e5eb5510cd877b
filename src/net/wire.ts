/**
 * A wire is a socket as the fast road sees it: bytes arrive in slabs, leave with one write, and no
 * stream object stands in between.
 *
 * Two roads lead to the same `WireReader`. The fast one is the socket's `onread` option: the kernel
 * fills our buffer. The fallback takes ordinary `data` events, for sockets that cannot have a user
 * buffer (an accepted TLS socket on an unknown runtime, any other Duplex).
 */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { BULK_KEEP_BYTES, QUIET_READ_BYTES } from '../limits.ts';
import { HEADROOM, ownSlab, quietSlab, type Slab, type SlabPool } from './slab.ts';
import { readIntoBuffer } from './user-buffer.ts';

/** Takes what a wire reads. Replaceable at any moment between two calls: `wire.reader = next`. */
export interface WireReader {
  /**
   * Bytes `[start, end)` of the slab have arrived. They are the reader's until it returns; it may
   * overwrite them and what stands before them in the slab. To keep them it copies (shared slab) or
   * retains (any other). Returning false pauses the wire until `resume()`.
   */
  read(slab: Slab, start: number, end: number): boolean;
  /** The peer will send no more. The other direction may go on. */
  ended(): void;
  /** The socket is gone, both ways. The last call; `error` is null after a clean close. */
  closed(error: Error | null): void;
}

const nothing = Buffer.alloc(0);

export class Wire {
  readonly socket: net.Socket;
  reader: WireReader;
  #pool: SlabPool;
  #slab: Slab = quietSlab;
  #held: Slab | null = null;
  #heldStart = 0;
  #error: Error | null = null;

  private constructor(socket: net.Socket | Duplex, pool: SlabPool, reader: WireReader) {
    this.socket = socket as net.Socket;
    this.#pool = pool;
    this.reader = reader;
  }

  /** Dials with `connect`, which is given the `onread` option to pass to `net.connect` or `tls.connect`. */
  static dial(
    connect: (onread: net.OnReadOpts) => net.Socket,
    pool: SlabPool,
    reader: WireReader,
  ): Wire {
    let wire: Wire;
    const socket = connect({
      buffer: () => wire?.nextBuffer() ?? quietSlab.room,
      callback: (n) => wire.filled(n),
    });
    wire = new Wire(socket, pool, reader);
    wire.#listen();
    socket.resume();
    return wire;
  }

  /**
   * Takes over a socket that was accepted and has read nothing yet (`pauseOnConnect`). A plain TCP
   * socket is wrapped anew around its handle, because only the constructor takes `onread`; where
   * that is not possible the wire reads by `data` events.
   */
  static accept(accepted: net.Socket | Duplex, pool: SlabPool, reader: WireReader): Wire {
    const rewrapped = accepted instanceof net.Socket ? readIntoBuffer(accepted) : null;
    if (rewrapped === null) return Wire.fromEvents(accepted, pool, reader);
    const wire = new Wire(rewrapped.socket, pool, reader);
    rewrapped.start({ buffer: () => wire.nextBuffer(), callback: (n) => wire.filled(n) });
    wire.#listen();
    wire.socket.resume();
    return wire;
  }

  /** The fallback road: any Duplex, read by `data` events. */
  static fromEvents(duplex: net.Socket | Duplex, pool: SlabPool, reader: WireReader): Wire {
    const wire = new Wire(duplex, pool, reader);
    duplex.on('data', (chunk: Buffer) => wire.#chunk(chunk));
    wire.#listen();
    duplex.resume();
    return wire;
  }

  #listen(): void {
    const { socket } = this;
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => (this.#error = error));
    socket.on('close', () => this.#closed());
  }

  /** Where the next read goes. */
  nextBuffer(): Buffer {
    return this.#slab.room;
  }

  /** `n` bytes were read into the buffer last asked for. */
  filled(n: number): boolean {
    const slab = this.#slab;
    const goOn = this.reader.read(slab, HEADROOM, HEADROOM + n);
    if (slab === quietSlab) {
      if (n === QUIET_READ_BYTES) this.#slab = this.#pool.tryTake() ?? quietSlab;
    } else if (n < BULK_KEEP_BYTES) {
      slab.release();
      this.#slab = quietSlab;
    } else if (slab.refs > 1) {
      slab.release();
      this.#slab = this.#pool.tryTake() ?? quietSlab;
    }
    return goOn;
  }

  #chunk(chunk: Buffer): void {
    const slab = ownSlab(chunk);
    if (!this.reader.read(slab, 0, chunk.length)) this.socket.pause();
  }

  #ended(): void {
    this.reader.ended();
  }

  #closed(): void {
    if (this.#slab !== quietSlab) {
      this.#slab.release();
      this.#slab = quietSlab;
    }
    this.reader.closed(this.#error);
  }

  /** Goes on reading after `read` returned false. */
  resume(): void {
    if (!this.socket.destroyed) this.socket.resume();
  }

  /**
   * Sends the bytes. True: the kernel took everything and the buffer is free at once. False: the
   * buffer is in use until the callback of a later `afterWrites`.
   */
  write(bytes: Buffer): boolean {
    this.socket.write(bytes);
    return this.socket.writableLength === 0;
  }

  /** Sends two pieces with one system call; the answer is as for `write`. */
  writePair(first: Buffer, second: Buffer): boolean {
    const { socket } = this;
    socket.cork();
    socket.write(first);
    socket.write(second);
    socket.uncork();
    return socket.writableLength === 0;
  }

  /** Calls back when everything written so far has left, or can no longer leave. */
  afterWrites(done: () => void): void {
    this.socket.write(nothing, done);
  }

  /** Bytes written that the kernel has not taken yet. */
  get backlog(): number {
    return this.socket.writableLength;
  }

  /** No more will be sent: FIN after what was written. */
  end(): void {
    this.socket.end();
  }

  /** Closes both ways at once; what was not sent is lost. */
  destroy(error?: Error): void {
    if (error) this.#error ??= error;
    this.socket.destroy();
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }
}

