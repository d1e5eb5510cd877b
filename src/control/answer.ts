/** What answers the requests of operators, and what it is told of failures. */
import type { SallyportError } from '../errors.ts';

export interface HttpAdapterOptions {
  /** A fresh id for a request. */
  newId(): string;
  /** Nobody foresaw this: it is told to the log only. */
  defect(error: SallyportError, requestId: string): void;
  /** Deadlines other than those of the limits. */
  readonly bodyTimeoutMs?: number;
  readonly stallMs?: number;
  readonly tickMs?: number;
}

/** What answers a request. What it throws becomes the answer. The signal of the request says that its client is gone. */
export type Answer = (request: Request, requestId: string) => Response | Promise<Response>;
