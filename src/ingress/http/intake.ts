/** What happens to a whole request head: routed, authorised, and written anew for its service. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { AUTHORIZATION } from '../../http1/field-kinds.ts';
import { ForwardingFields } from '../../http1/forwarding.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import { requestRoom, rewriteRequest, type RequestChanges } from '../../http1/request-rewrite.ts';
import type { Route } from '../../registry/path-routes.ts';
import type { Exchange } from './exchange.ts';
import type { HttpIngressOptions } from './ingress-options.ts';
import type { OwnReply, OwnService, Takeover } from './own-endpoints.ts';
import { consumerOf, type Peer } from './peer.ts';
import { publicRefusal } from './public-fault.ts';
import { fieldText, requestView } from './request-view.ts';
import { RequestRouter } from './request-router.ts';

/** One for each client connection. */
export class RequestIntake {
  readonly #options: HttpIngressOptions;
  readonly #peer: Peer;
  readonly #exchange: Exchange;
  readonly #router: RequestRouter;
  readonly #forwarding: ForwardingFields;
  readonly #changes: RequestChanges = {
    targetFrom: 0,
    hostLine: null,
    dropAuthorization: false,
    dropToken: false,
  };

  constructor(options: HttpIngressOptions, peer: Peer, exchange: Exchange) {
    this.#options = options;
    this.#peer = peer;
    this.#exchange = exchange;
    const forwarded = peer.trusted && options.routeByForwardedHost === true;
    this.#router = new RequestRouter(options.routes, forwarded);
    this.#forwarding = new ForwardingFields(peer.address, peer.secure, peer.trusted);
  }

  /**
   * Takes the head in `[base, end)`. Null: the exchange holds the head for its service. Otherwise the
   * server answers itself. Throws REQUEST_INVALID, ROUTE_UNKNOWN, CONSUMER_AUTH,
   * RATE_LIMITED, or what `Reception.admit` or an own endpoint throws.
   */
  take(head: RequestHead, bytes: Buffer, base: number, end: number): OwnReply | Takeover | null {
    const exchange = this.#exchange;
    const peer = this.#peer;
    if (peer.trusted)
      exchange.consumer = consumerOf(peer, head.fields, bytes, base, this.#options.trusted);
    try {
      const router = this.#router;
      const hostChanged = router.decide(head, bytes, base);
      exchange.describe(head, router.host);
      if (hostChanged) this.#forwarding.setHost(router.hostValue);
      let { route } = router;
      if (route === null && !router.held) {
        const view = requestView(head, bytes, base, router.host);
        const own = this.#options.own.find(view, this.#sender());
        if (own !== null && 'open' in own) {
          this.#serveOwn(own, head, bytes, base, end);
          return null;
        }
        if (own !== null) {
          this.#describePath(head, bytes, base);
          return own;
        }
        route = router.byOwnPath(head, bytes, base);
      }
      if (route === null) throw unknownRoute(router.host);
      exchange.service = route.service;
      if (route.consumerAuth !== null) this.#authorise(route, head, bytes, base);
      const rule = this.#options.demands?.rules.of(route.service) ?? null;
      const names = rule?.authenticators ?? null;
      if (names !== null) this.#identify(names, head, bytes, base);
      this.#count(route.service);
      const ours = route.consumerAuth !== null || names !== null;
      this.#changes.dropAuthorization = ours && rule?.forwardAuthorization !== true;
      this.#write(route, head, bytes, base, end);
      return null;
    } catch (thrown) {
      this.#describePath(head, bytes, base);
      exchange.accept = fieldText(head, bytes, base, 'accept') ?? '';
      throw thrown;
    }
  }

  #serveOwn(own: OwnService, head: RequestHead, bytes: Buffer, base: number, end: number): void {
    this.#exchange.own = own;
    this.#exchange.service = own.service;
    this.#changes.dropAuthorization = false;
    this.#write(null, head, bytes, base, end);
  }

  /** The peer, under the name of whom it speaks for. */
  #sender(): Peer {
    const peer = this.#peer;
    const { consumer } = this.#exchange;
    return consumer === peer.text ? peer : { ...peer, text: consumer };
  }

  #describePath(head: RequestHead, bytes: Buffer, base: number): void {
    const from = Math.max(this.#router.targetFrom, head.pathStart);
    this.#exchange.describePath(bytes, base + from, base + head.line.targetEnd);
  }

  /** The service asks who its consumers are. Throws what `Reception.admit` does. */
  #identify(names: readonly string[], head: RequestHead, bytes: Buffer, base: number): void {
    const exchange = this.#exchange;
    const { reception } = this.#options.demands!;
    const from = Math.max(this.#router.targetFrom, head.pathStart);
    exchange.challenge = reception.challenge(names);
    const credentials = {
      authorization: authorizationOf(head, bytes, base),
      certificate: this.#peer.certificate,
      peer: exchange.consumer,
      service: exchange.service,
      method: head.method.name,
      host: this.#router.host,
      path: bytes.toString('latin1', base + from, base + head.line.pathEnd) || '/',
    };
    const caller = reception.admit('service', credentials, names);
    if (caller instanceof Promise) caller.catch(() => {}); // the gate tells of it
    exchange.caller = caller;
  }

  /** Against the limits of service and caller: of one who is being found out when that is done. */
  #count(service: string): void {
    const { quotas } = this.#options;
    const exchange = this.#exchange;
    const { caller } = exchange;
    if (quotas === undefined) return;
    if (!(caller instanceof Promise)) {
      try {
        quotas.request(caller, service);
      } catch (thrown) {
        throw publicRefusal(service, caller, asSallyportError(thrown));
      }
      return;
    }
    exchange.caller = caller.then((identity) => {
      quotas.request(identity, service);
      return identity;
    });
    exchange.caller.catch(() => {}); // the gate tells of it
  }

  #authorise(route: Route, head: RequestHead, bytes: Buffer, base: number): void {
    const value = authorizationOf(head, bytes, base);
    const auth = route.consumerAuth!;
    if (auth.check(value)) return;
    this.#exchange.challenge = `Basic realm="${auth.realm}", charset="UTF-8"`;
    const why = value === null ? 'it asks for a user and a password' : 'wrong user or password';
    throw new SallyportError('CONSUMER_AUTH', `service ${route.service}: ${why}`);
  }

  #write(route: Route | null, head: RequestHead, bytes: Buffer, base: number, end: number): void {
    const changes = this.#changes;
    changes.targetFrom = this.#router.targetFrom;
    changes.hostLine = route?.hostLine ?? null;
    changes.dropToken = this.#router.dropToken;
    const exchange = this.#exchange;
    const out = exchange.room(requestRoom(end - base, this.#forwarding, changes));
    exchange.headLength = rewriteRequest(head, bytes, base, changes, this.#forwarding, out, 0);
  }
}

function authorizationOf({ fields }: RequestHead, bytes: Buffer, base: number): string | null {
  return fields.has(AUTHORIZATION)
    ? fields.text(bytes, base, fields.position(AUTHORIZATION))
    : null;
}

function unknownRoute(host: string): SallyportError {
  const where = host === '' ? 'this path' : `host ${host} and this path`;
  return new SallyportError('ROUTE_UNKNOWN', `no service is reachable under ${where}`);
}
