/**
 * Every option of every command, described once. Flags, environment variables, configuration files,
 * `--help`, the JSON Schema and the reference all come from here.
 *
 * A key is written as in files (`tcp_ports`); its flag is `--tcp-ports`, its variable
 * `SALLYPORT_TCP_PORTS`, and the program reads it as `tcpPorts`.
 */
import { z } from 'zod';
import {
  DRAIN_GRACE_MS,
  HEARTBEAT_MS,
  HTTP_RESPONSE_TIMEOUT_MS,
  PUBLIC_CONNECTIONS_MAX,
} from '../limits.ts';
import {
  ambientListen,
  cidr,
  consumerKey,
  defaultListen,
  dialAddress,
  hostName,
  listenAddress,
  portRanges,
  proxy,
  publicUrl,
  serverUrl,
  token,
} from './grammar.ts';
import { controlKeys, operatorCommands } from './control.ts';
import { dialects } from './dialects.ts';
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

const json = option(toggle(false), { file: false, help: 'Print output, and errors, as JSON.' });

const shared = {
  config: option(text(), {
    value: 'FILE',
    path: true,
    file: false,
    help: 'YAML file with options.',
  }).optional(),
  token: option(token(), {
    value: 'TOKEN',
    secret: true,
    live: true,
    help: 'Token that agents and consumers present. Others on this machine can read command lines: better in --token-file, SALLYPORT_TOKEN or the file.',
  }).optional(),
  token_file: option(text(), {
    value: 'FILE',
    path: true,
    fileOf: 'token',
    help: 'File that holds the token.',
  }).optional(),
  heartbeat: option(duration({ min: SECOND_MS / 10, max: HOUR_MS }), {
    value: 'DURATION',
    help: 'Time between signs of life; a connection silent for two and a half of them is dead.',
  }).prefault(formatDuration(HEARTBEAT_MS)),
  json,
};

const client = {
  server: option(serverUrl(), {
    value: 'URL',
    help: 'The server to dial: ws, wss, http or https.',
  }).prefault('ws://127.0.0.1:8080'),
  ca: option(text(), {
    value: 'FILE',
    path: true,
    help: 'Certificates (PEM) of the authority that signed that of the server.',
  }).optional(),
  client_cert: option(text(), {
    value: 'FILE',
    path: true,
    help: 'Certificate (PEM) of this client, for servers that ask for one; with client_key.',
  }).optional(),
  client_key: option(text(), {
    value: 'FILE',
    path: true,
    help: 'Private key (PEM) of the client certificate.',
  }).optional(),
  server_name: option(hostName(), {
    value: 'NAME',
    help: 'Name that the certificate of the server must hold. Default: the host of the URL.',
  }).optional(),
  proxy: option(proxy(), {
    value: 'URL|none',
    secret: true,
    help: 'Proxy to dial through: http, https or socks5, with USER:PASSWORD@ before the host where it asks for a login. Default: that of https_proxy, http_proxy, all_proxy and no_proxy.',
  }).optional(),
  client_ports: option(portRanges(), {
    value: 'PORTS',
    help: 'Local ports to dial from, such as 8000-8100,8500, for firewalls that ask for that.',
  }).optional(),
  transport: option(choice(['auto', 'websocket', 'longpoll']), {
    value: 'auto|websocket|longpoll',
    help: 'What carries the connection to the server: auto takes WebSocket, and single HTTP requests where something on the way lets no WebSocket through.',
  }).prefault('auto'),
  keep_trying: option(toggle(false), {
    help: 'Dial again even after refusals that trying again does not mend, such as a wrong token.',
  }),
  mask: option(choice(['auto', 'random']), {
    value: 'auto|random',
    help: 'WebSocket masking keys: auto masks only where something between could read the frames, random always.',
  }).prefault('auto'),
  ...shared,
};

/** How to get to a server, for those who dial no session. */
const { keep_trying: _k, transport: _t, mask: _m, heartbeat: _h, ...access } = client;

/** How to get to a server, for those who dial no session. */
const { keep_trying: _k, transport: _t, mask: _m, heartbeat: _h, ...access } = client;

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
    trusted_proxies: option(list(cidr()), {
      value: 'CIDR',
      live: true,
      help: 'Proxies before this server whose X-Forwarded-* and Forwarded fields are believed.',
    }).prefault([]),
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
  demo: z.strictObject({
    once: option(toggle(false), {
      env: false,
      file: false,
      help: 'Exit after the first request: 0 if it went well.',
    }),
    json,
  }),
  ...operatorCommands(access),
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
