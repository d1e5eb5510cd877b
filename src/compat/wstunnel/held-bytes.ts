/** What is kept of requests and responses, counted for all tunnels together: messages come whole, memory does not grow with them. */
import { SallyportError } from '../../errors.ts';

export interface HeldBytes {
  /** Throws SERVER_BUSY when so many more cannot be kept. */
  take(bytes: number): void;
  give(bytes: number): void;
  readonly bytes: number;
}

export function createHeldBytes(max: number): HeldBytes {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > max) {
        const why = `${held} bytes of requests and responses are held, and ${max} at most may be`;
        throw new SallyportError('SERVER_BUSY', `wstunnel: ${why}`);
      }
      held += bytes;
    },
    give: (bytes) => void (held -= bytes),
    get bytes() {
      return held;
    },
  };
}
