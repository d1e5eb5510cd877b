/** A syslog that takes a connection: over TCP, or on a Unix socket. */
import net from 'node:net';
import { LOG_BACKLOG_MAX_BYTES } from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import { createBackoff } from '../../net/backoff.ts';
import { leaving } from '../leaving.ts';
import type { ClosedSink, Severity } from '../line-sink.ts';
import { syslogMessage } from './message.ts';

const newline = Buffer.from('\n');

export class StreamSyslog implements ClosedSink {
  dropped: (count: number) => void = () => {};
  #where: { path: string } | HostPort;
  #failed: (error: Error) => void;
  #socket: net.Socket;
  /** There is no connection, and none being made. */
  #away = false;
  #failing = false;
  #closed = false;
  #lost = 0;
  #backoff = createBackoff();
  #retry: NodeJS.Timeout | undefined;

  constructor(where: { path: string } | HostPort, failed: (error: Error) => void) {
    this.#where = where;
    this.#failed = failed;
    this.#socket = this.#dial();
  }

  #dial(): net.Socket {
    const socket = net.connect(this.#where).unref().resume();
    this.#away = false;
    socket.on('connect', () => {
      this.#failing = false;
      this.#backoff.reset();
      this.#tellDropped();
    });
    socket.on('drain', () => this.#tellDropped());
    socket.on('error', (error) => {
      if (!this.#failing) this.#failed(error);
      this.#failing = true;
    });
    socket.on('close', () => {
      this.#away = true;
      if (this.#closed) return;
      this.#retry = setTimeout(() => {
        this.#socket = this.#dial();
      }, this.#backoff.next()).unref();
    });
    return socket;
  }

  write(line: string, severity?: Severity): void {
    const behind = this.#socket.writableLength >= LOG_BACKLOG_MAX_BYTES;
    if (this.#away || behind || this.#closed) this.#lost++;
    else {
      const message = Buffer.concat([syslogMessage(line, severity), newline]);
      this.#socket.write(message, (error) => {
        if (error) this.#lost++;
      });
    }
  }

  #tellDropped(): void {
    const count = this.#lost;
    this.#lost = 0;
    if (count > 0) this.dropped(count);
  }

  flush(): void {}

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (!this.#away) await leaving(new Promise<void>((resolve) => socket.end(resolve)));
    socket.destroy();
  }
}
