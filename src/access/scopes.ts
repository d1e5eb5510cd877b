/**
 * What an identity may do, asked anew for every registration and every stream: an attach that was
 * allowed says nothing about what comes through it.
 */
import { SallyportError } from '../errors.ts';
import { formatAddress, type HostPort } from '../net/address.ts';
import { canonicalHost } from '../net/host.ts';
import { formatPortRanges, portInRanges } from '../net/ports.ts';
import { printable, quoted } from '../net/printable.ts';
import type { Identity, Role } from './identity.ts';

/** What an agent asks for with one service. */
export interface Registration {
  readonly name: string;
  /** Public hosts, `*.example.com` too, beyond the one that the name gives. */
  readonly hosts?: readonly string[];
  /** Public port; 0 asks for any. The server then picks one within the identity's `ports`. */
  readonly port?: number;
}

/** Null, or why the identity may not register this: DENIED, with the scope and what it allows. */
export function mayRegister(identity: Identity, registration: Registration): SallyportError | null {
  const { name, hosts = [], port } = registration;
  const forbidden = missingRole(identity, 'agent') ?? foreignName(identity, name, 'register');
  if (forbidden !== null) return forbidden;
  const foreign = hosts.find((host) => !mayClaim(identity, host));
  if (foreign !== undefined)
    return denied(
      identity,
      `claim host ${quoted(foreign)}`,
      'hosts',
      identity.hosts.patterns.join(' '),
    );
  if (port === undefined) return null;
  const open = port === 0 ? identity.ports.length > 0 : portInRanges(port, identity.ports);
  return open
    ? null
    : denied(identity, `open port ${port}`, 'ports', formatPortRanges(identity.ports));
}

/**
 * Null, or why the identity may not reach the service (at that target, when the consumer names
 * one): DENIED. The server does not resolve names, so a rule with addresses covers targets written
 * as addresses; the agent resolves and checks against its own list.
 */
export function mayConsume(
  identity: Identity,
  service: string,
  target: HostPort | null,
): SallyportError | null {
  const forbidden = missingRole(identity, 'consumer') ?? foreignName(identity, service, 'reach');
  if (forbidden !== null || target === null || identity.targets.check(target.host, target.port))
    return forbidden;
  return denied(
    identity,
    `reach target ${quoted(formatAddress(target))}`,
    'targets',
    identity.targetRules.join(' '),
  );
}

/** Null, or why the identity may not act in this role: DENIED. */
export function missingRole(identity: Identity, role: Role): SallyportError | null {
  return identity.roles.has(role)
    ? null
    : denied(identity, `act as ${role}`, 'roles', [...identity.roles].join(' '));
}

function foreignName(identity: Identity, name: string, verb: string): SallyportError | null {
  if (identity.names.match(name)) return null;
  return denied(
    identity,
    `${verb} service ${quoted(name)}`,
    'names',
    identity.names.patterns.join(' '),
  );
}

/**
 * A wildcard host `*.x` is covered by the scopes that cover every name under it: only a star of the
 * scope can stand for its star.
 */
function mayClaim(identity: Identity, host: string): boolean {
  const wildcard = host.startsWith('*.');
  const canonical = canonicalHost(wildcard ? host.slice(2) : host);
  if (canonical === null) return false;
  const name = wildcard ? `*.${canonical}` : canonical;
  return identity.hosts.match(name);
}

function denied(
  identity: Identity,
  action: string,
  scope: keyof Identity,
  allowed: string,
): SallyportError {
  const extent = allowed === '' ? `has no ${scope}` : `allows the ${scope} ${printable(allowed)}`;
  return new SallyportError('DENIED', `${action}: the token of ${quoted(identity.name)} ${extent}`);
}
