/** Where the peers of the protocol come in: callbackreverses, and consumers. */
import type { Identity } from '../../access/identity.ts';
import { linkSlabs } from '../../attach/dial.ts';
import { SallyportError } from '../../errors.ts';
import { grantLater } from '../../ingress/http/late-grant.ts';
import type { RequestView, Takeover } from '../../ingress/http/own-endpoints.ts';
import type { Peer } from '../../ingress/http/peer.ts';
import { readRest, type Wire } from '../../net/wire.ts';
import type { WaitingRoom } from '../../registry/waiting-room.ts';
import { WebSocketLink } from '../../transport/websocket/link.ts';
import type { DialectHost } from '../dialect.ts';
import type { Admission, Registrant } from './admission.ts';
import { readId, type Endpoint } from './paths.ts';
import type { Reverses } from './reverses.ts';
import { readUpgrade } from './upgrade.ts';
import { Visit } from './visit.ts';
import type { Visits } from './visits.ts';

export interface DoorsOptions {
  readonly host: DialectHost;
  readonly admission: Admission;
  readonly reverses: Reverses;
  readonly visits: Visits;
  /** Where consumers wait for a callbackreverse that is away. */
  readonly room: WaitingRoom;
  draining(): boolean;
}

export interface Doors {
  /** The upgrade at this endpoint. Throws the refusal. */
  open(endpoint: Endpoint & { kind: 'tunnel' }, request: RequestView, peer: Peer): Takeover;
}

export function createDoors(options: DoorsOptions): Doors {
  const { host, admission, reverses, visits, room } = options;

  function register(id: string, request: RequestView, peer: Peer): Takeover {
    const { agreement } = readUpgrade(request);
    const admitted = admission.admit(request, peer, id);
    const permit = (identity: Identity | null): Registrant | Promise<Registrant> => {
      const registrant = { id, peer: peer.text, identity };
      const permitted = admission.permit(registrant);
      return permitted === undefined ? registrant : permitted.then(() => registrant);
    };
    const serve = (registrant: Registrant, wire: Wire, rest: Buffer): void => {
      reverses.check(id);
      wire.readInto(linkSlabs);
      wire.write(agreement);
      const link = new WebSocketLink(wire, 'none', { text: true });
      reverses.join(registrant, link);
      readRest(link, rest);
    };
    const permitted = admitted instanceof Promise ? admitted.then(permit) : permit(admitted);
    if (permitted instanceof Promise) return grantLater(permitted, serve, admission.refuse);
    reverses.check(id);
    return (wire, rest) => serve(permitted, wire, rest);
  }

  function visit(service: string, request: RequestView, peer: Peer): Takeover {
    const { agreement, halfClose } = readUpgrade(request);
    visits.checkRoom();
    const caller = admission.admit(request, peer, service);
    if (caller instanceof Promise) caller.catch(() => {}); // the gate tells of it
    return (wire, rest) => {
      const visitor = new Visit(wire, rest, {
        request: { service, kind: 'tcp', consumer: peer.text, id: host.newId() },
        caller,
        agreement,
        halfClose,
        gate: host.gate,
        challenge: admission.challenge,
        away: (until) => room.enter(service, until),
        events: visits,
      });
      visits.add(visitor);
      visitor.start();
    };
  }

  return {
    open({ list, id: segment }, request, peer) {
      const id = readId(segment);
      if (options.draining())
        throw new SallyportError('SERVER_DRAINING', 'callback: the server is shutting down');
      return list === 'callback' ? register(id, request, peer) : visit(id, request, peer);
    },
  };
}
