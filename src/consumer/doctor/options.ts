/** What is examined, and how far. */
import type { WayOut } from '../../transport/outgoing/way-out.ts';

export interface ExaminationOptions {
  readonly server: URL;
  /** Null: transports are tried as far as a stranger gets. */
  readonly token: string | null;
  readonly wayOut: WayOut;
  readonly program: string;
  /** How long to look for something that cuts idle connections, in milliseconds; 0: not at all. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}
