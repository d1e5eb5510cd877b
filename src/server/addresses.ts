/** Where services are reached by name: HTTP routes, and TLS server names on the passthrough port. */
import { createConsumerAuth } from '../access/consumer-password.ts';
import type { ServiceOffer } from '../attach/messages.ts';
import { SallyportError } from '../errors.ts';
import type { TlsPassthrough } from '../ingress/tls/passthrough.ts';
import { canonicalHost } from '../net/host.ts';
import { quoted } from '../net/printable.ts';
import { mask } from '../observe/secrets.ts';
import type { HttpRoute, RouteKey, Routes } from '../registry/routes.ts';

export interface AddressesOptions {
  routes: Routes;
  /** Null: the server has no passthrough port. */
  passthrough: TlsPassthrough | null;
  domain: string;
  /** The base of the addresses given out; asked when the server listens. */
  publicUrl(): URL;
}

/** What gives back all that was claimed. */
type Release = (() => void)[];

export interface Addresses {
  /**
   * Claims all that the offer asks for, and answers the URLs. What gives it back is added to `release`,
   * for all that was claimed before it threw as well. Throws NAME_INVALID, HOST_TAKEN, HOST_RESERVED,
   * PORT_DENIED or USAGE.
   */
  claim(offer: ServiceOffer, release: Release): string[];
}

export function createAddresses(options: AddressesOptions): Addresses {
  const { routes, passthrough, domain } = options;

  function claimHosts(offer: ServiceOffer, release: Release): string[] {
    const { name, hosts = [], path, rendezvousToken } = offer;
    const route: HttpRoute = {
      service: name,
      ...(offer.rewriteHost === undefined ? {} : { rewriteHost: offer.rewriteHost }),
      ...(offer.consumerAuth === undefined
        ? {}
        : { consumerAuth: createConsumerAuth(offer.consumerAuth) }),
    };
    const add = (key: RouteKey): void => void release.push(routes.add(key, route));
    const base = options.publicUrl();
    const urls: string[] = [];
    const byName = canonicalHost(`${name}.${domain}`);
    if (byName !== null) {
      add({ host: byName });
      urls.push(urlOf(base, byName, '/'));
    }
    for (const host of hosts) {
      add(path === undefined ? { host } : { host, path });
      urls.push(urlOf(base, host, path ?? '/'));
    }
    if (path !== undefined && hosts.length === 0) {
      add({ path });
      urls.push(urlOf(base, base.hostname, path));
    }
    if (rendezvousToken !== undefined) {
      add({ token: rendezvousToken });
      urls.push(urlOf(base, base.hostname, `/_token/${mask(rendezvousToken)}/`));
    }
    if (urls.length > 0) return urls;
    const why = `${quoted(name)} cannot be a host name, and no --host, --path or --rendezvous-token was given`;
    throw new SallyportError('NAME_INVALID', `service ${quoted(name)}: ${why}`);
  }

  function claimServerNames(offer: ServiceOffer, release: Release): string[] {
    return (offer.sni ?? []).map((host) => {
      if (passthrough === null) {
        throw new SallyportError(
          'PORT_DENIED',
          'sni: this server has no passthrough port (--tls-passthrough-listen)',
        );
      }
      passthrough.add(host, offer.name);
      release.push(() => passthrough.remove(host, offer.name));
      return `tls://${host}:${passthrough.address.port}`;
    });
  }

  return {
    claim: (offer, release) =>
      offer.kind === 'http' ? claimHosts(offer, release) : claimServerNames(offer, release),
  };
}

function urlOf(base: URL, host: string, path: string): string {
  const port = base.port === '' ? '' : `:${base.port}`;
  return `${base.protocol}//${host}${port}${path}`;
}
