/** Where a client of the protocol dials: the URL its user gave, and what the protocol puts behind it. */
import { SallyportError } from '../../errors.ts';
import type { ListName } from './paths.ts';

const schemes = new Map([
  ['http:', 'ws:'],
  ['https:', 'wss:'],
  ['ws:', 'ws:'],
  ['wss:', 'wss:'],
]);

/** Throws USAGE for another scheme and for credentials, which do not belong in a URL. */
export function tunnelUrl(server: string, list: ListName, id: string): URL {
  const base = URL.parse(server);
  const scheme = schemes.get(base?.protocol ?? '');
  if (base === null || scheme === undefined || base.host === '')
    throw usage('it must be a URL of a host, with http, https, ws or wss');
  if (base.username !== '' || base.password !== '')
    throw usage('it must not hold a user or a password; they would end up in logs');
  if (id === '') throw new SallyportError('USAGE', 'id: it is empty');
  const path = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  return new URL(`${scheme}//${base.host}${path}api/v1/${list}/${encodeURIComponent(id)}`);
}

function usage(why: string): SallyportError {
  return new SallyportError('USAGE', `server: ${why}`);
}
