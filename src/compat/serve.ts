/** One call for services of a Sallyport server and for groups of a server of reverst. */
import { serve as serveService, type Served, type ServeOptions } from '../agent/serve.ts';
import {
  serveReverst,
  type ReverstServeOptions,
  type ServedGroup,
} from './reverst/client/serve.ts';

/** With `server`: offers a service there, answered by `fetch`. */
export function serve(options: ServeOptions): Promise<Served>;
/** With `quic`: registers with a group of reverst, answered by `fetch` or by a target. */
export function serve(options: ReverstServeOptions): Promise<ServedGroup>;
export function serve(options: ServeOptions | ReverstServeOptions): Promise<ServedGroup> {
  return 'quic' in options ? serveReverst(options) : serveService(options);
}
