/** A syslog that takes datagrams. */
import dgram from 'node:dgram';
import net from 'node:net';
import { LOG_BACKLOG_MAX_BYTES, LOG_RETRY_MS } from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import { leaving } from '../leaving.ts';
import type { ClosedSink, Severity } from '../line-sink.ts';
import { syslogMessage } from './message.ts';

export class DatagramSyslog implements ClosedSink {
  dropped: (count: number) => void = () => {};
  #address: HostPort;
  #failed: (error: Error) => void;
  #socket: dgram.Socket;
  /** The host's name has been looked up. */
  #ready = false;
  #failing = false;
  #closed = false;
  #lost = 0;
  /** Messages from before the look-up. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Messages that are on their way to the kernel, and who waits for them. */
  #sending = 0;
  #sent: (() => void) | null = null;

  constructor(address: HostPort, failed: (error: Error) => void) {
    this.#address = address;
    this.#failed = failed;
    this.#socket = dgram.createSocket(net.isIPv6(address.host) ? 'udp6' : 'udp4').unref();
    this.#socket.on('connect', () => {
      this.#ready = true;
      this.#failing = false;
      for (const message of this.#waiting.splice(0)) this.#send(message);
    });
    this.#socket.on('error', (error) => this.#broken(error));
    this.#connect();
  }

  #connect(): void {
    const { host, port } = this.#address;
    this.#socket.connect(port, host);
  }

  /** A name that cannot be looked up is tried again. Else nobody listens there, and may do so later. */
  #broken(error: Error): void {
    if (!this.#failing) this.#failed(error);
    this.#failing = true;
    if (!this.#ready && !this.#closed)
      this.#retry = setTimeout(() => this.#connect(), LOG_RETRY_MS).unref();
  }

  write(line: string, severity?: Severity): void {
    if (this.#closed) return;
    const message = syslogMessage(line, severity);
    const held = this.#ready ? this.#socket.getSendQueueSize() : this.#waitingBytes;
    if (held + message.length > LOG_BACKLOG_MAX_BYTES) this.#lost++;
    else if (this.#ready) this.#send(message);
    else {
      this.#waiting.push(message);
      this.#waitingBytes += message.length;
    }
  }

  #send(message: Buffer): void {
    this.#sending++;
    this.#socket.send(message, (error) => {
      this.#sending--;
      if (error) this.#broken(error);
      else this.#tellDropped();
      if (this.#sending === 0) this.#sent?.();
    });
  }

  #tellDropped(): void {
    const count = this.#lost;
    this.#lost = 0;
    if (count > 0) this.dropped(count);
  }

  flush(): void {}

  async close(): Promise<void> {
    const sent = new Promise<void>((resolve) => (this.#sent = resolve));
    if (this.#sending + this.#waiting.length > 0) await leaving(sent);
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket.close();
  }
}
