/**
 * Log lines to a syslog, as messages of RFC 5424: over UDP one in each datagram (RFC 5426), over TCP
 * and Unix stream sockets one on each line (RFC 6587, section 3.4.2). A Unix socket that takes
 * datagrams, as /dev/log does on most systems, cannot be reached: Node.js has none.
 *
 * While the syslog is away lines are dropped and counted; the count is told when it is back.
 */
import type { ClosedSink } from '../line-sink.ts';
import type { SyslogAddress } from './address.ts';
import { DatagramSyslog } from './datagram.ts';
import { StreamSyslog } from './stream.ts';

export interface SyslogOptions {
  readonly address: SyslogAddress;
  /** It cannot be reached; told once until it can be again. */
  readonly failed: (error: Error) => void;
}

/** Dials at once, and again whenever the connection ends. */
export function openSyslog({ address, failed }: SyslogOptions): ClosedSink {
  if (address.kind === 'udp') return new DatagramSyslog(address, failed);
  return new StreamSyslog(address.kind === 'unix' ? { path: address.path } : address, failed);
}
