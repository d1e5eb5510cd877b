/**
 * Standard input and output as one duplex, with true half-closes: when the other side ends, whoever
 * reads our output sees its end, although our input is still open.
 */
import fs from 'node:fs';
import net from 'node:net';
import { Duplex, type Readable, type Writable } from 'node:stream';

/** Joins a readable and a writable; ending one does not end the other. */
export class Stdio extends Duplex {
  #input: Readable;
  #output: Writable;
  #readerGone = false;

  constructor(input: Readable, output: Writable) {
    super({ allowHalfOpen: true });
    this.#input = input;
    this.#output = output;
    input.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) input.pause();
    });
    input.on('end', () => this.push(null));
    input.on('error', (error) => this.destroy(error));
    output.on('error', (error: NodeJS.ErrnoException) => {
      this.#readerGone = error.code === 'EPIPE';
      this.destroy(error);
    });
  }

  /** It was destroyed because nobody reads our output any more, as in `… | head`. */
  get readerGone(): boolean {
    return this.#readerGone;
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#output.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#output.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#input.destroy();
    done(error);
  }
}

/** This process's standard input and output. */
export function processStdio(): Stdio {
  return new Stdio(process.stdin, outputOf(1));
}

/**
 * Node never closes its own `process.stdout`. Pipes and sockets are therefore opened anew by their
 * descriptor, so that ending them is seen at the other end; files and terminals need no end.
 */
function outputOf(fd: number): Writable {
  const stat = fs.fstatSync(fd);
  const closes = stat.isFIFO() || stat.isSocket();
  return closes ? new net.Socket({ fd, readable: false, writable: true }) : process.stdout;
}
