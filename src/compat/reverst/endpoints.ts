/** What a server that does nothing else says to requests for hosts that no group has. */
import { ATTACH_PATH } from '../../attach/dial.ts';
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
      // Native agents may come there.
      if (path === ATTACH_PATH) return null;
      unknownHost(host);
      return badGateway;
    },
  };
}
