/** Where the local ports of a client lead, and who comes to them. */
import type { HostPort } from '../../net/address.ts';
import type { WayOut } from '../../transport/outgoing/way-out.ts';

/** One local port and where it leads. */
export interface SokkenRoute {
  readonly listen: HostPort;
  /** ws, wss, http or https; its path names the address. */
  readonly url: URL;
  /** Sent with the upgrade. */
  readonly headers: Readonly<Record<string, string>>;
  readonly wayOut: WayOut;
}

/** A connection as it is told of. */
export interface LocalRequest {
  /** The route's own, with the port that was picked. */
  readonly local: HostPort;
  readonly remote: URL;
  /** `ip:port` of who connected. */
  readonly client: string;
}
