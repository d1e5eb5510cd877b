/** A rendez-vous token with the name of its service, as `NAME=TOKEN`. */
import { isServiceName } from '../../access/service-name.ts';
import { SallyportError } from '../../errors.ts';
import { checkRouteToken } from '../../registry/routes.ts';

export interface NamedToken {
  readonly name: string;
  /** A secret. */
  readonly token: string;
}

/** Throws NAME_INVALID or USAGE; nothing of the token is shown. */
export function parseNamedToken(text: string): NamedToken {
  const [, name, token] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new SallyportError('USAGE', 'write NAME=TOKEN');
  if (!isServiceName(name)) throw new SallyportError('NAME_INVALID', 'NAME: not a valid name');
  return { name, token: checkRouteToken(token) };
}
