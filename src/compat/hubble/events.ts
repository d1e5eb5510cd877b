/**
 * The four events of the original proxy, told from those of the server, for programs that were
 * written for them. Keys are left out: they are secrets. Success is told once the far end was found,
 * and the end of a session once.
 */
import type { SallyportEvent, StreamEvent } from '../../events/event.ts';
import { parseDialAddress } from '../../net/address.ts';

/** What an agent asked for. Host and port are empty and 0 where it asked for a service's own target. */
export interface ConnectionRequest {
  readonly RemoteHost: string;
  readonly RemotePort: number;
  readonly Gatename: string;
}

export type HubbleEvent =
  | {
      readonly kind: 'GatewayRegistrationEvent' | 'GatewayUnregistrationEvent';
      readonly Gateway: string;
    }
  | {
      readonly kind: 'OpenSessionEvent';
      /** Empty: the session was not opened by a Hubble agent. */
      readonly SourceGateway: string;
      readonly ConnectionRequest: ConnectionRequest;
      readonly Success: boolean;
      /** Empty on success. */
      readonly Error: string;
    }
  | { readonly kind: 'CloseSessionEvent'; readonly Gateway: string };

/**
 * A listener for the server's event log that passes on what concerns Hubble agents. It has to listen
 * from the start: who is an agent it knows from their registrations.
 */
export function createHubbleEvents(
  listener: (event: HubbleEvent) => void,
): (event: SallyportEvent) => void {
  /** By session: where its agent connects from. By that: its name. */
  const peers = new Map<string, string>();
  const names = new Map<string, string>();
  const gateways = new Set<string>();

  function open(event: StreamEvent, error: string): void {
    const source = names.get(event.consumer) ?? '';
    if (source === '' && !gateways.has(event.service)) return;
    const { host, port } =
      event.target === null ? { host: '', port: 0 } : parseDialAddress(event.target);
    listener({
      kind: 'OpenSessionEvent',
      SourceGateway: source,
      ConnectionRequest: { RemoteHost: host, RemotePort: port, Gatename: event.service },
      Success: error === '',
      Error: error,
    });
  }

  function registered(session: string, service: string): void {
    const peer = peers.get(session);
    if (peer === undefined) return;
    names.set(peer, service);
    gateways.add(service);
    listener({ kind: 'GatewayRegistrationEvent', Gateway: service });
  }

  function left(session: string, peer: string): void {
    const name = names.get(peer);
    if (!peers.delete(session) || name === undefined) return;
    names.delete(peer);
    listener({ kind: 'GatewayUnregistrationEvent', Gateway: name });
  }

  function closed({ consumer, service }: StreamEvent): void {
    const name = names.get(consumer) ?? (gateways.has(service) ? service : '');
    if (name !== '') listener({ kind: 'CloseSessionEvent', Gateway: name });
  }

  return (event) => {
    if (event.type === 'stream.opened') open(event, '');
    else if (event.type === 'stream.closed') closed(event);
    else if (event.type === 'stream.refused')
      open(event, event.code === 'DENIED' ? 'Unauthorized' : event.reason);
    else if (event.type === 'client.up' && event.protocol === 'hubble')
      peers.set(event.session, event.peer);
    else if (event.type === 'service.up') registered(event.session, event.service);
    else if (event.type === 'service.down' && peers.has(event.session))
      gateways.delete(event.service);
    else if (event.type === 'client.down') left(event.session, event.peer);
  };
}
