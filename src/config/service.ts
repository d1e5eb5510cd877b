/** The keys of one service: flags of `http` and `tcp`, and the entries of an agent's `services`. */
import { z } from 'zod';
import { RENDEZVOUS_TOKEN_MIN_CHARS } from '../limits.ts';
import {
  allowRule,
  hostField,
  hostPattern,
  originPattern,
  pathPrefix,
  rendezvousToken,
  serviceName,
  target,
  tcpTarget,
  userAndPassword,
} from './grammar.ts';
import { choice, integer, list, option, toggle } from './values.ts';

const shared = {
  name: option(serviceName(), {
    value: 'NAME',
    help: 'Name of the service: letters, digits, dot, underscore and hyphen.',
  }),
  allow: option(list(allowRule()), {
    value: 'RULE',
    help: 'Targets that consumers may choose with connect --target and forward: HOST:PORTS, where HOST is a CIDR, an address or a name with *. Without a rule only the target of the service itself.',
  }).prefault([]),
  exclusive: option(choice(['first', 'latest']), {
    value: 'first|latest',
    help: 'One agent only under this name: the first one keeps it, or the latest one takes it over. Otherwise agents of one name share the work.',
  }).optional(),
  balance: option(choice(['round-robin', 'least-streams']), {
    value: 'round-robin|least-streams',
    help: 'How agents of one name share the work. Default: what the server is set to.',
  }).optional(),
};

const httpOnly = {
  host: option(list(hostPattern()), {
    value: 'HOST',
    help: 'Host under which the service is reachable besides NAME.DOMAIN; *.example.com takes every name below it.',
  }).prefault([]),
  path: option(pathPrefix(), {
    value: '/PATH',
    help: 'Path prefix under which the service is reachable on the host of the server.',
  }).optional(),
  rendezvous_token: option(rendezvousToken(), {
    value: 'TOKEN',
    secret: true,
    help: `Secret under which the service is reachable: as X-Token field, or as /_token/TOKEN/ before the path. At least ${RENDEZVOUS_TOKEN_MIN_CHARS} characters.`,
  }).optional(),
  auth: option(userAndPassword(), {
    value: 'USER:PASS',
    secret: true,
    help: 'User name and password that every consumer has to give (HTTP Basic).',
  }).optional(),
  rewrite_host: option(hostField(), {
    value: 'HOST',
    help: 'Host field that the target gets. Default: the one the consumer sent.',
  }).optional(),
  x_host: option(originPattern(), {
    value: 'REGEXP',
    help: 'What the field X-Host of a request may name, as http://HOST:PORT or https://HOST:PORT: such a request goes there, and those without the field to the target. The regexp has to match all of it. Default: the field means nothing, and is passed on.',
  }).optional(),
  insecure_target: option(toggle(false), {
    help: 'Do not check the certificate of an https target.',
  }),
};

const tcpOnly = {
  port: option(integer({ min: 0, max: 65_535 }), {
    value: 'PORT',
    help: 'Public port on the server, in the range that the server allows; 0 takes any free one. Without it the service is private: connect and forward only.',
  }).optional(),
  sni: option(list(hostPattern()), {
    value: 'HOST',
    help: 'Server name under which TLS connections on the passthrough port of the server reach this service, still encrypted.',
  }).prefault([]),
  proxy_protocol: option(choice(['v1', 'v2']), {
    value: 'v1|v2',
    help: 'Begin every connection to the target with a PROXY protocol header that names the consumer.',
  }).optional(),
};

export const httpService = { ...shared, ...httpOnly };
export const tcpService = { ...shared, ...tcpOnly };

const httpOnlyKeys = Object.keys(httpOnly) as (keyof typeof httpOnly)[];
const tcpOnlyKeys = Object.keys(tcpOnly) as (keyof typeof tcpOnly)[];

/** One entry of `services`: exactly one of `http` and `tcp` names the target. */
const service = z
  .strictObject({
    http: option(target(), {
      value: 'TARGET',
      help: 'Target of an HTTP service: a port, host:port, an http or https URL, or unix:/path.',
    }).optional(),
    tcp: option(tcpTarget(), {
      value: 'TARGET',
      help: 'Target of a TCP service: a port, host:port, or unix:/path.',
    }).optional(),
    ...shared,
    ...httpOnly,
    ...tcpOnly,
  })
  .superRefine((keys, context) => {
    if ((keys.http === undefined) === (keys.tcp === undefined)) {
      context.addIssue({
        code: 'custom',
        message: 'must have exactly one of the keys http and tcp, which name the target',
      });
      return;
    }
    const kind = keys.http === undefined ? 'tcp' : 'http';
    for (const key of kind === 'http' ? tcpOnlyKeys : httpOnlyKeys) {
      const value = keys[key];
      if (value === undefined || value === false || (Array.isArray(value) && value.length === 0))
        continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `means nothing for a service of kind ${kind}; remove it`,
      });
    }
  })
  .transform(({ http, tcp, ...keys }) => ({
    kind: http === undefined ? ('tcp' as const) : ('http' as const),
    target: (http ?? tcp) as string,
    ...keys,
  }));

/** The services of one agent. A name stands for one service. */
export const services = list(service).superRefine((entries, context) => {
  if (entries.length === 0)
    context.addIssue({ code: 'custom', message: 'names no service; add one' });
  entries.forEach(({ name }, index) => {
    const first = entries.findIndex((entry) => entry.name === name);
    if (first === index) return;
    context.addIssue({
      code: 'custom',
      path: [index, 'name'],
      message: `is the name of services[${first}] too; choose another`,
    });
  });
});
