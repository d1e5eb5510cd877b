/** A stream that leads to a local server at once: what a service is to an ingress under test. */
import { once } from 'node:events';
import net from 'node:net';
import { SallyportError } from '../../src/errors.ts';
import { HEADROOM, Slab } from '../../src/net/slab.ts';
import type { Stream, StreamEnd, StreamReceiver } from '../../src/session/session.ts';

export class DialledStream implements Stream {
  readonly id = 1;
  readonly bytesSent = 0;
  readonly bytesReceived = 0;
  onOver: ((end: StreamEnd) => void) | null = null;
  receiver: StreamReceiver;
  readonly socket: net.Socket;
  readonly closed: Promise<unknown>;
  /** Bytes that were delivered and not yet credited. */
  owed = 0;
  #over = false;

  get over(): boolean {
    return this.#over;
  }

  constructor(port: number, receiver: StreamReceiver) {
    this.receiver = receiver;
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.closed = once(this.socket, 'close');
    this.socket.on('data', (bytes: Buffer) => this.#deliver(bytes));
    this.socket.on('end', () => this.receiver.finished());
    this.socket.on('drain', () => this.receiver.drained());
    this.socket.on('error', (error) =>
      this.fail(new SallyportError('STREAM_RESET', `stream: ${error.message}`)),
    );
  }

  #deliver(bytes: Buffer): void {
    this.owed += bytes.length;
    const slab = new Slab(Buffer.concat([Buffer.alloc(HEADROOM), bytes]), null);
    this.receiver.data(slab, HEADROOM, HEADROOM + bytes.length);
  }

  /** The other end breaks the stream off. */
  fail(error: SallyportError): void {
    if (this.#over) return;
    this.#over = true;
    this.socket.destroy();
    this.receiver.reset(error);
  }

  get writable(): boolean {
    return !this.socket.writableNeedDrain;
  }

  write(slab: Slab, start: number, end: number): void {
    this.send(Buffer.from(slab.bytes.subarray(start, end)));
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.#over = true;
    this.socket.destroy();
  }

  credit(n: number): void {
    this.owed -= n;
  }
}
