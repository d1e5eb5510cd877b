/** How many connections several listeners may have open together. */
import type net from 'node:net';
import { breakOff } from './break-off.ts';

export interface ConnectionCount {
  /** How many there may be. Fewer than are open: those stay. */
  max: number;
  readonly open: number;
  /** Refused since the start. */
  readonly refused: number;
  /** Counts the connection until it closes. False: there was no room, and it has been reset. */
  admit(socket: net.Socket): boolean;
}

/** `full` is called for the first connection that is refused after others were let in. */
export function createConnectionCount(max: number, full: () => void): ConnectionCount {
  let open = 0;
  let refused = 0;
  let refusing = false;
  const closed = (): void => void open--;
  return {
    max,
    get open() {
      return open;
    },
    get refused() {
      return refused;
    },
    admit(socket) {
      if (open < this.max) {
        open++;
        refusing = false;
        socket.on('close', closed);
        return true;
      }
      refused++;
      breakOff(socket);
      if (!refusing) full();
      refusing = true;
      return false;
    },
  };
}
