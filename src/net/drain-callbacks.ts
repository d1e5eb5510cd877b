/**
 * Tells when everything written to a Unix socket has left. Elsewhere an empty write behind the others
 * tells it; here that write fails once the peer has closed, and Node then throws away what the peer
 * had sent before. The socket's writable mark must be 0, so that it tells of every drain.
 */
import type net from 'node:net';

export class DrainCallbacks {
  #socket: net.Socket;
  #waiting: (() => void)[] = [];

  constructor(socket: net.Socket) {
    this.#socket = socket;
    const call = (): void => this.#call();
    socket.on('drain', call).on('close', call);
  }

  /** Calls back when what was written so far has left, or can no longer leave. */
  add(done: () => void): void {
    if (this.#socket.writableLength === 0 || this.#socket.destroyed) process.nextTick(done);
    else this.#waiting.push(done);
  }

  #call(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
