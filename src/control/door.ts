/**
 * Who may come to the control API. A credential is not enough: a browser must not be made to use its
 * user's for a stranger's page, neither by a name that leads here (DNS rebinding) nor across sites.
 */
import net from 'node:net';
import type { Reception } from '../access/authenticate/reception.ts';
import type { Identity } from '../access/identity.ts';
import { missingRole } from '../access/scopes.ts';
import { SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { RequestView } from '../ingress/http/own-endpoints.ts';
import type { Peer } from '../ingress/http/peer.ts';
import { quoted } from '../net/printable.ts';

export interface DoorOptions {
  /** Canonical names of the server. IP addresses and `localhost` are its own in any case: no page can have them rebound. */
  readonly hosts: ReadonlySet<string>;
  /** Web pages that may ask, such as `https://ops.example.com`. */
  readonly origins: ReadonlySet<string>;
  readonly reception: Pick<Reception, 'admit'>;
  readonly events: Pick<EventLog, 'publish'>;
}

export interface Door {
  /**
   * Who is asking: an admin. Throws, or rejects with, CONTROL_DENIED for a foreign host or page, DENIED
   * for somebody who is no admin, and what `Reception.admit` refuses with.
   */
  admit(request: RequestView, peer: Peer): Identity | Promise<Identity>;
  /** What allows the page to read the answer: fields for it. Empty for requests of no page. */
  sharing(request: RequestView): Readonly<Record<string, string>>;
}

export function createDoor({ hosts, origins, reception, events }: DoorOptions): Door {
  function checkHost(host: string): void {
    if (net.isIP(host) !== 0 || host === 'localhost' || hosts.has(host)) return;
    const why =
      host === '' ? 'the request names no host' : `${quoted(host)} is no host of this server`;
    throw new SallyportError('CONTROL_DENIED', `control: ${why}`);
  }

  /** Fetch Metadata tells requests of pages that carry no Origin, such as those of images. */
  function checkPage(request: RequestView): void {
    const origin = request.field('Origin');
    if (origin === null ? !isForeign(request.field('Sec-Fetch-Site')) : origins.has(origin)) return;
    const page = origin === null ? 'of other sites' : `of ${quoted(origin)}`;
    throw new SallyportError('CONTROL_DENIED', `control: pages ${page} may not ask`);
  }

  function demandAdmin(identity: Identity, peer: Peer): Identity {
    const missing = missingRole(identity, 'admin');
    if (missing === null) return identity;
    const { message: reason } = missing;
    events.publish('auth.failed', { door: 'control', service: null, peer: peer.text, reason });
    throw missing;
  }

  return {
    admit(request, peer) {
      checkHost(request.host);
      checkPage(request);
      const { method, host, path } = request;
      const found = reception.admit('control', {
        authorization: request.field('Authorization'),
        certificate: peer.certificate,
        peer: peer.text,
        service: null,
        method,
        host,
        path,
      });
      return found instanceof Promise
        ? found.then((identity) => demandAdmin(identity, peer))
        : demandAdmin(found, peer);
    },

    sharing(request) {
      const origin = request.field('Origin');
      if (origin === null || !origins.has(origin)) return {};
      return {
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Methods': 'GET, POST',
        'Access-Control-Allow-Headers': 'Authorization, Content-Type, Last-Event-ID',
        Vary: 'Origin',
      };
    },
  };
}

/** W3C Fetch Metadata, section 2.3: `none` is the user's own doing. */
function isForeign(site: string | null): boolean {
  return site === 'cross-site' || site === 'same-site';
}
