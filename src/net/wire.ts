/**
 * A wire is a socket as the fast road sees it: bytes arrive in slabs, leave with one write, and no
 * stream object stands in between.
 *
 * Two roads lead to the same `WireReader`. The fast one is the socket's `onread` option: the kernel
 * fills our buffer. The fallback takes ordinary `data` events, for sockets that cannot have a user
 * buffer (an accepted TLS socket on an unknown runtime, any other Duplex).
 */
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { BULK_KEEP_BYTES, CLOSE_FLUSH_MS, QUIET_READ_BYTES } from '../limits.ts';
import { forgetPaused, watchPaused } from './paused-sockets.ts';
import { DrainCallbacks } from './drain-callbacks.ts';
import { HEADROOM, quietSlab, Slab, type SlabPool } from './slab.ts';
import { isPipe } from './tcp-handle.ts';
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

/** Hands over what came behind an upgrade, as if it had just been read. */
export function readRest(reader: Pick<WireReader, 'read'>, rest: Buffer): void {
  if (rest.length === 0) return;
  const slab = new Slab(Buffer.concat([Buffer.alloc(HEADROOM), rest]), null);
  reader.read(slab, HEADROOM, HEADROOM + rest.length);
}

const nothing = Buffer.alloc(0);
const wireOf = Symbol('wire');

type WiredSocket = net.Socket & { [wireOf]?: Wire };

function onEnd(this: WiredSocket): void {
  this[wireOf]!.reader.ended();
}

function onError(this: WiredSocket, error: Error): void {
  this[wireOf]!.failed(error);
}

function onClose(this: WiredSocket): void {
  this[wireOf]!.gone();
}

/** Where the next read goes: Node asks for it right behind the call below, and when a socket is made. */
let nextRoom = quietSlab.room;

/**
 * The `onread` option of all sockets that become wires. Node calls it as the socket's own method, so
 * that no socket needs closures: with their contexts they would be a twentieth of a resting agent.
 */
const onread: net.OnReadOpts = {
  buffer() {
    const room = nextRoom;
    nextRoom = quietSlab.room;
    return room;
  },
  callback(n) {
    const wire = (this as unknown as WiredSocket)[wireOf]!;
    const goOn = wire.filled(n);
    nextRoom = wire.room;
    return goOn;
  },
};

function letGo(socket: net.Socket): void {
  socket.uncork();
}

export class Wire {
  readonly socket: WiredSocket;
  reader: WireReader;
  #pool: SlabPool;
  #slab: Slab = quietSlab;
  #error: Error | null = null;
  /** Unix sockets only. */
  #drained: DrainCallbacks | null = null;

  private constructor(socket: net.Socket | Duplex, pool: SlabPool, reader: WireReader) {
    this.socket = socket as net.Socket;
    this.#pool = pool;
    this.reader = reader;
    // Listeners that all sockets share: closures of its own would be a tenth of an idle connection.
    this.socket[wireOf] = this;
    socket.on('end', onEnd).on('error', onError).on('close', onClose);
    if (isPipe(socket)) this.#drained = new DrainCallbacks(this.socket);
  }

  /** Dials: `connect` passes the `onread` option it is given to `net.connect` or `tls.connect`. */
  static dial(
    connect: (onread: net.OnReadOpts) => net.Socket,
    pool: SlabPool,
    reader: WireReader,
  ): Wire {
    const socket = connect(onread);
    const wire = new Wire(socket, pool, reader);
    socket.resume();
    return wire;
  }

  /**
   * Takes over an accepted, paused socket (`pauseOnConnect`): on the fast road where the runtime
   * allows it and nothing was read yet, by `data` events elsewhere.
   */
  static accept(accepted: net.Socket, pool: SlabPool, reader: WireReader): Wire {
    const socket = accepted.readableLength > 0 ? null : readIntoBuffer(accepted, onread);
    if (socket === null) return Wire.fromEvents(accepted, pool, reader);
    const wire = new Wire(socket, pool, reader);
    socket.resume();
    return wire;
  }

  /** The fallback road: any Duplex, read by `data` events and copied into slabs. */
  static fromEvents(duplex: net.Socket | Duplex, pool: SlabPool, reader: WireReader): Wire {
    const wire = new Wire(duplex, pool, reader);
    duplex.on('data', (chunk: Buffer) => wire.#chunk(chunk));
    duplex.resume();
    return wire;
  }

  /** Reads into slabs of another pool from now on: a connection that turned into a link reads more at once. */
  readInto(pool: SlabPool): void {
    this.#pool = pool;
  }

  /** Where the next read goes. */
  get room(): Buffer {
    return this.#slab.room;
  }

  /** `n` bytes were read into `room`. Answers whether to go on reading. */
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
    if (!goOn) watchPaused(this.socket);
    return goOn;
  }

  /** Hands a chunk on in pieces of a slab; what a pausing reader leaves goes back for `resume`. */
  #chunk(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const slab = this.#pool.take();
      const n = chunk.copy(slab.room, 0, at);
      at += n;
      const goOn = this.reader.read(slab, HEADROOM, HEADROOM + n);
      slab.release();
      if (goOn) continue;
      watchPaused(this.socket);
      this.socket.pause();
      if (at < chunk.length) this.socket.unshift(chunk.subarray(at));
      return;
    }
  }

  /** The socket's 'error': told with its 'close'. */
  failed(error: Error): void {
    this.#error ??= error;
  }

  /** The socket's 'close'. */
  gone(): void {
    if (this.#slab !== quietSlab) {
      this.#slab.release();
      this.#slab = quietSlab;
    }
    forgetPaused(this.socket);
    this.reader.closed(this.#error);
  }

  /** Goes on reading after `read` returned false. */
  resume(): void {
    forgetPaused(this.socket);
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

  /** What is written from now on in this turn of the event loop leaves with one system call, at its end. */
  gather(): void {
    if (this.socket.writableCorked > 0) return;
    this.socket.cork();
    setImmediate(letGo, this.socket);
  }

  /** Calls back when everything written so far has left, or can no longer leave. */
  afterWrites(done: () => void): void {
    if (this.#drained === null) this.socket.write(nothing, done);
    else this.#drained.add(done);
  }

  /** Bytes written that the kernel has not taken yet. */
  get backlog(): number {
    return this.socket.writableLength;
  }

  /** No more will be sent: FIN after what was written. */
  end(): void {
    this.socket.end();
  }

  /**
   * Sends what was written, then closes both ways: when the peer has closed too, at the latest after
   * CLOSE_FLUSH_MS. Until then its bytes are thrown away; left unread they would make the kernel
   * reset the connection, and the last words sent would be lost on the way. The reader gets `closed`.
   */
  endAndDestroy(): void {
    const { socket, reader } = this;
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), CLOSE_FLUSH_MS).unref();
    this.reader = {
      read: () => true,
      ended() {},
      closed(error) {
        clearTimeout(timer);
        reader.closed(error);
      },
    };
    socket.end();
    process.nextTick(() => this.resume()); // the reader may be about to pause us
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
