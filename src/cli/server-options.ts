/** From the options of the command to those of a server. */
import type { IdentityOptions } from '../access/identities.ts';
import { allScopes } from '../access/identity.ts';
import type { Policy } from '../access/policy/policy.ts';
import type { OptionsOf } from '../config/schema.ts';
import { parseListenAddress } from '../net/address.ts';
import { parsePortRanges } from '../net/ports.ts';
import type { ServiceRule } from '../registry/service-rules.ts';
import type { LiveOptions, ServerOptions } from '../server/options.ts';
import { authenticatorOptions } from './authenticator-options.ts';
import { observationOptions } from './observation-options.ts';

type Options = OptionsOf<'server'>;

/** True when the configuration lets somebody in. */
export function namesCredentials(options: Options): boolean {
  return identitiesOf(options).length + (options.authenticators ?? []).length > 0;
}

/**
 * Those that can change while the server runs. `madeToken` is that of a server that was given no
 * credential; the policy is made by whoever can wait for it.
 */
export function liveOptions(
  options: Options,
  madeToken: string | null,
  policy: Policy,
): LiveOptions {
  const { tlsCert, tlsKey, tlsClientCa, limits, services, authenticators } = options;
  const clientCa = tlsClientCa === undefined ? {} : { clientCa: tlsClientCa };
  const configured = identitiesOf(options);
  return {
    identities: configured.length > 0 || madeToken === null ? configured : [whole(madeToken)],
    policy,
    maxConnections: options.maxConnections,
    ...(limits === undefined ? {} : { limits }),
    ...(services === undefined ? {} : { services: services.map(serviceRule) }),
    ...(authenticators === undefined
      ? {}
      : { authenticators: authenticators.map(authenticatorOptions) }),
    trustedProxies: options.trustedProxies,
    balance: options.balance,
    drainGraceMs: options.drainGrace,
    accessLog: options.accessLog,
    ...(tlsCert === undefined ? {} : { tls: { cert: tlsCert, key: tlsKey!, ...clientCa } }),
  };
}

function serviceRule({
  whenAbsent,
  ...rule
}: NonNullable<Options['services']>[number]): ServiceRule {
  if (whenAbsent === undefined) return rule;
  const { hold, ...answer } = whenAbsent;
  return { ...rule, whenAbsent: { holdMs: hold, ...answer } };
}

/** Those that cannot, but for what the command makes itself. */
export function fixedOptions(
  options: Options,
): Omit<ServerOptions, keyof LiveOptions | 'program' | 'log' | 'dialects'> {
  const { publicUrl, tlsPassthroughListen, quicListen } = options;
  return {
    listen: parseListenAddress(options.listen, '0.0.0.0'),
    domain: options.domain,
    tcpPorts: parsePortRanges(options.tcpPorts),
    routeByForwardedHost: options.routeByForwardedHost,
    proxyProtocolFrom: options.proxyProtocolFrom,
    heartbeatMs: options.heartbeat,
    responseTimeoutMs: options.responseTimeout,
    ...observationOptions(options),
    control: {
      hosts: options.controlHosts,
      origins: options.controlOrigins,
      ...(options.controlListen === undefined
        ? {}
        : { listen: parseListenAddress(options.controlListen, '127.0.0.1') }),
    },
    ...(publicUrl === undefined ? {} : { publicUrl: new URL(publicUrl) }),
    ...(quicListen === undefined ? {} : { quicListen: parseListenAddress(quicListen, '0.0.0.0') }),
    ...(tlsPassthroughListen === undefined
      ? {}
      : { tlsPassthroughListen: parseListenAddress(tlsPassthroughListen, '0.0.0.0') }),
  };
}

/** The listed identities, and the one token that may do everything. */
function identitiesOf({ token, identities = [] }: Options): IdentityOptions[] {
  return [...identities, ...(token === undefined ? [] : [whole(token)])];
}

function whole(token: string): IdentityOptions {
  return { name: 'default', token, ...allScopes };
}
