/** What the upstream side of a connection tells its client side. */
import type { SallyportError } from '../../errors.ts';
import type { Stream } from '../../session/session.ts';
import type { Exchange } from './exchange.ts';

export interface ClientSide {
  readonly exchange: Exchange;
  /** The final response's head has been sent. */
  responseBegan(): void;
  /** The response is whole; or, when it was already, the stream takes no more of the request. */
  responseEnded(): void;
  /** No response will come, or no more of it. */
  failed(error: SallyportError): void;
  /** The target has switched protocols: the stream is the client side's from now on. */
  switched(stream: Stream): void;
  /** More of the request can be sent. */
  resume(): void;
}
