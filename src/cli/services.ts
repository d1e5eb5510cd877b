/** From the options of a service to what its agent works with. */
import { createAllowList } from '../access/allow.ts';
import { hashConsumerPassword } from '../access/consumer-password.ts';
import type { AgentService } from '../agent/service.ts';
import { createXHostTarget } from '../agent/x-host/forwarder.ts';
import { createOriginPattern } from '../agent/x-host/origin-pattern.ts';
import type { ServiceOffer } from '../attach/messages.ts';
import type { OptionsOf } from '../config/schema.ts';
import { SallyportError } from '../errors.ts';
import { parseTarget } from '../net/target.ts';

type HttpKeys = Pick<OptionsOf<'http'>, keyof OptionsOf<'http'> & keyof ListedService>;
type TcpKeys = Pick<OptionsOf<'tcp'>, keyof OptionsOf<'tcp'> & keyof ListedService>;
type ListedService = OptionsOf<'agent'>['services'][number];

export function httpService(targetText: string, keys: HttpKeys): AgentService {
  const { name, host: hosts, path, rendezvousToken, rewriteHost, auth, exclusive, balance } = keys;
  const offer: ServiceOffer = {
    name,
    kind: 'http',
    hosts,
    ...given({ path, rendezvousToken, rewriteHost, exclusive, balance }),
    ...(auth === undefined ? {} : { consumerAuth: hashConsumerPassword(auth) }),
  };
  const { insecureTarget, xHost } = keys;
  const target = parseTarget(targetText);
  return {
    offer,
    target:
      xHost === undefined
        ? target
        : createXHostTarget({
            service: name,
            target,
            allowed: createOriginPattern(xHost),
            insecure: insecureTarget,
          }),
    allow: createAllowList(keys.allow),
    insecureTarget,
  };
}

export function tcpService(targetText: string, keys: TcpKeys): AgentService {
  const { name, port, sni, exclusive, balance, proxyProtocol } = keys;
  const target = parseTarget(targetText);
  if (target.tls) {
    throw new SallyportError(
      'USAGE',
      'target: a TCP service passes bytes as they are; write HOST:PORT without https',
    );
  }
  return {
    offer: {
      name,
      kind: 'tcp',
      ...given({ port, exclusive, balance }),
      ...(sni.length > 0 ? { sni } : {}),
    },
    target,
    allow: createAllowList(keys.allow),
    insecureTarget: false,
    ...given({ proxyProtocol }),
  };
}

/** One entry of the `services` list. */
export function listedService(keys: ListedService): AgentService {
  return keys.kind === 'http' ? httpService(keys.target, keys) : tcpService(keys.target, keys);
}

/** The fields that have a value. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
