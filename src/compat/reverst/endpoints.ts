/** What a server that does nothing else says to requests for hosts that no group has. */
import { isClientDoor } from '../../attach/client-doors.ts';
import type { OwnEndpoints } from '../../ingress/http/own-endpoints.ts';

const badGateway = {
  status: 502,
  headers: { 'Content-Type': 'text/plain; charset=utf-8' },
  body: 'bad gateway\n',
};

/** Null: the server has answers of its own. */
export function createEndpoints(
  alone: boolean,
  unknownHost: (host: string) => void,
): OwnEndpoints | null {
  if (!alone) return null;
  return {
    find({ path, host }) {
      if (isClientDoor(path)) return null;
      unknownHost(host);
      return badGateway;
    },
  };
}
