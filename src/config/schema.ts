/**
 * Every option of every command, described once. Flags, environment variables, configuration files,
 * `--help`, the JSON Schema and the reference all come from here.
 *
 * A key is written as in files (`tcp_ports`); its flag is `--tcp-ports`, its variable
 * `SALLYPORT_TCP_PORTS`, and the program reads it as `tcpPorts`.
 */
import { z } from 'zod';
import { DRAIN_GRACE_MS, HTTP_RESPONSE_TIMEOUT_MS, PUBLIC_CONNECTIONS_MAX } from '../limits.ts';
import {
  ambientListen,
  cidr,
  consumerKey,
  defaultListen,
  dialAddress,
  hostName,
  listenAddress,
  portRanges,
  publicUrl,
} from './grammar.ts';
import { access, client, json, shared } from './client.ts';
import { controlKeys, operatorCommands } from './control.ts';
import { checkDialects, dialects } from './dialects.ts';
import { authenticators, checkAuthenticators } from './authenticators.ts';
import { identities } from './identities.ts';
import { identityLimits } from './limits.ts';
import { logs } from './logs.ts';
import { serviceRules } from './server-services.ts';
import { observation } from './observation.ts';
import { policy, policyQuestion } from './policy.ts';
import { httpService, services, tcpService } from './service.ts';
import { choice, duration, formatDuration, integer, list, option, text, toggle } from './values.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;

/** What can be checked by `config check`, and described by `config schema`. */
export const fileKinds = ['server', 'agent'] as const;
export type FileKind = (typeof fileKinds)[number];

/** The server is the positional. */
const { server: _server, ...doctorAccess } = access;

const agent = {
  ...logs,
  health_listen: option(listenAddress('127.0.0.1'), {
    value: 'HOST:PORT',
    help: 'Serve /healthz, /readyz and /version of this agent there.',
  }).optional(),
  ...client,
};

const server = z
  .strictObject({
    listen: option(listenAddress('0.0.0.0'), {
      value: 'HOST:PORT',
      help: 'The one address for everything: public HTTP, agents and consumers. Port 0 takes any free one.',
      ambient: { names: 'HOST and PORT', read: ambientListen },
    }).prefault(defaultListen),
    domain: option(hostName(), {
      value: 'DOMAIN',
      help: 'HTTP services are reachable as NAME.DOMAIN.',
    }).prefault('localhost'),
    public_url: option(publicUrl(), {
      value: 'URL',
      help: 'URL under which consumers see this server, for the addresses that it prints. Default: made of domain and port.',
    }).optional(),
    tcp_ports: option(portRanges(), {
      value: 'LOW-HIGH',
      help: 'Public ports that services may open.',
    }).prefault('20000-29999'),
    tls_cert: option(text(), {
      value: 'FILE',
      path: 'followed',
      live: 'while set',
      help: 'Certificate chain (PEM); read again when it changes.',
    }).optional(),
    tls_key: option(text(), {
      value: 'FILE',
      path: 'followed',
      live: 'while set',
      help: 'Private key (PEM) of the certificate.',
    }).optional(),
    tls_client_ca: option(text(), {
      value: 'FILE',
      path: 'followed',
      live: 'while set',
      help: 'Certificates (PEM) of the authorities that sign those of clients. Clients are asked for one then, and may come without; an authenticator of type mtls says who they are.',
    }).optional(),
    tls_passthrough_listen: option(listenAddress('0.0.0.0'), {
      value: 'HOST:PORT',
      help: 'A second address, whose TLS connections go to services by server name (--sni), still encrypted.',
    }).optional(),
    quic_listen: option(listenAddress('0.0.0.0'), {
      value: 'HOST:PORT',
      help: 'UDP address for agents and consumers that come by QUIC. Needs tls_cert and tls_key, and the optional package @matrixai/quic.',
    }).optional(),
    trusted_proxies: option(list(cidr()), {
      value: 'CIDR',
      live: true,
      help: 'Proxies before this server whose X-Forwarded-* and Forwarded fields are believed.',
    }).prefault([]),
    route_by_forwarded_host: option(toggle(false), {
      help: 'Requests of trusted_proxies are routed by X-Forwarded-Host where they have it, and by Host otherwise.',
    }),
    proxy_protocol_from: option(list(cidr()), {
      value: 'CIDR',
      help: 'Peers that begin connections with a PROXY protocol header (v1 or v2).',
    }).prefault([]),
    balance: option(choice(['round-robin', 'least-streams']), {
      value: 'round-robin|least-streams',
      live: true,
      help: 'How agents of one name share the work, where the service does not say.',
    }).prefault('round-robin'),
    response_timeout: option(duration({ min: SECOND_MS / 10, max: 24 * HOUR_MS }), {
      value: 'DURATION',
      help: 'Longest wait from the end of a request to the head of its response.',
    }).prefault(formatDuration(HTTP_RESPONSE_TIMEOUT_MS)),
    drain_grace: option(duration({ min: 0, max: 24 * HOUR_MS }), {
      value: 'DURATION',
      live: true,
      help: 'How long running work may go on after a shutdown was asked for.',
    }).prefault(formatDuration(DRAIN_GRACE_MS)),
    max_connections: option(integer({ min: 1, max: 10_000_000 }), {
      value: 'NUMBER',
      live: true,
      help: 'Connections that may be open at once on all public addresses together, those of agents and consumers among them; the next ones are reset.',
    }).prefault(String(PUBLIC_CONNECTIONS_MAX)),
    access_log: option(toggle(true), {
      live: true,
      help: 'Log one line for each request and each stream.',
    }),
    ...observation,
    ...controlKeys,
    ...dialects,
    identities: option(identities, {
      live: true,
      help: 'Who may do what. A token given beside them may do everything.',
    }).optional(),
    policy: option(policy, {
      live: true,
      help: 'Decides about everything that the scopes of the identities allow. Without it that is all there is.',
    }).optional(),
    authenticators: option(authenticators, {
      live: true,
      help: 'Other ways to find out who somebody is, asked in this order after the tokens of the identities.',
    }).optional(),
    services: option(serviceRules, {
      live: true,
      help: 'What holds for services by their names, whoever offers them.',
    }).optional(),
    limits: option(identityLimits, {
      live: true,
      help: 'What each identity may use, where it has no limit of its own. Without it nothing is limited.',
    }).optional(),
    ...logs,
    ...shared,
  })
  .superRefine((keys, context) => {
    const { tls_cert, tls_key, tls_client_ca } = keys;
    const complain = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    checkAuthenticators(keys, complain);
    checkDialects(keys, complain);
    if (tls_client_ca !== undefined && tls_cert === undefined)
      complain(['tls_client_ca'], 'needs tls_cert beside it');
    if ((tls_cert === undefined) === (tls_key === undefined)) return;
    const [present, absent] =
      tls_cert === undefined ? ['tls_key', 'tls_cert'] : ['tls_cert', 'tls_key'];
    complain([present], `needs ${absent} beside it`);
  });

/** The options of each command. */
export const schemas = {
  server,
  http: z.strictObject({ ...httpService, ...agent }),
  tcp: z.strictObject({ ...tcpService, ...agent }),
  agent: z.strictObject({
    ...agent,
    services: option(services, { help: 'The services of this agent.' }),
  }),
  connect: z.strictObject({
    target: option(dialAddress(), {
      value: 'HOST:PORT',
      help: 'What to dial behind the agent; a rule of the service has to allow it.',
    }).optional(),
    key: option(consumerKey(), {
      value: 'KEY',
      secret: true,
      help: 'Key for the service, where it asks for one.',
    }).optional(),
    ...client,
  }),
  forward: z.strictObject({ ...client, ...logs }),
  doctor: z.strictObject({
    idle: option(duration({ min: 0, max: 70 * SECOND_MS }), {
      value: 'DURATION',
      env: false,
      file: false,
      help: 'Find out whether a connection may rest for so long; 0s: do not.',
    }).prefault('0s'),
    ...doctorAccess,
  }),
  demo: z.strictObject({
    once: option(toggle(false), {
      env: false,
      file: false,
      help: 'Exit after the first request: 0 if it went well.',
    }),
    json,
  }),
  ...operatorCommands(access),
  config: z.strictObject({
    for: option(choice(fileKinds), {
      value: 'server|agent',
      env: false,
      file: false,
      help: 'What the file is for. Default: told from its keys.',
    }).optional(),
    json,
  }),
  policy: z.strictObject({ ...policyQuestion, json }),
  audit: z.strictObject({ json }),
  token: z.strictObject({
    hash: option(toggle(false), {
      env: false,
      file: false,
      help: 'Make no token: read one from standard input and print its hash.',
    }),
    json,
  }),
};

export type CommandName = keyof typeof schemas;

/** The options of a command as the program reads them: absent or given, `token_file` become the token. */
export type OptionsOf<Name extends CommandName> = Camel<
  Omit<z.output<(typeof schemas)[Name]>, 'token_file'>
>;

type CamelKey<Key> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelKey<Tail>>}`
  : Key;

type Camel<T> = T extends readonly (infer Item)[]
  ? Camel<Item>[]
  : T extends object
    ? { [Key in keyof T as CamelKey<Key>]: Camel<Exclude<T[Key], undefined>> }
    : T;
