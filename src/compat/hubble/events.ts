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

  return (event) => {
    switch (event.type) {
      case 'client.up':
        if (event.protocol === 'hubble') peers.set(event.session, event.peer);
        return;
      case 'service.up': {
        const peer = peers.get(event.session);
        if (peer === undefined) return;
        names.set(peer, event.service);
        gateways.add(event.service);
        return listener({ kind: 'GatewayRegistrationEvent', Gateway: event.service });
      }
      case 'service.down':
        if (peers.has(event.session)) gateways.delete(event.service);
        return;
      case 'client.down': {
        const name = names.get(event.peer);
        if (!peers.delete(event.session) || name === undefined) return;
        names.delete(event.peer);
        return listener({ kind: 'GatewayUnregistrationEvent', Gateway: name });
      }
      case 'stream.opened':
        return open(event, '');
      case 'stream.refused':
        return open(event, event.code === 'DENIED' ? 'Unauthorized' : event.reason);
      case 'stream.closed': {
        const name =
          names.get(event.consumer) ?? (gateways.has(event.service) ? event.service : '');
        if (name !== '') listener({ kind: 'CloseSessionEvent', Gateway: name });
        return;
      }
      default:
    }
  };
}
