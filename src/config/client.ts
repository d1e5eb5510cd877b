/** The options of commands that dial a server, and those that all lasting commands share. */
import { HEARTBEAT_MS } from '../limits.ts';
import { dialAddress, hostName, portRanges, proxy, serverUrl, token } from './grammar.ts';
import { choice, duration, formatDuration, option, text, toggle } from './values.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;

export const json = option(toggle(false), {
  file: false,
  help: 'Print output, and errors, as JSON.',
});

export const shared = {
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

/** How to get to a server. */
const wayOut = {
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
  quic: option(dialAddress(), {
    value: 'HOST:PORT',
    help: 'Where the server serves QUIC (its quic_listen). With it, auto tries QUIC first. Default: not known; transport quic goes where the URL leads.',
  }).optional(),
  client_ports: option(portRanges(), {
    value: 'PORTS',
    help: 'Local ports to dial from, such as 8000-8100,8500, for firewalls that ask for that.',
  }).optional(),
};

/** For every command that opens a session. */
export const client = {
  ...wayOut,
  transport: option(choice(['auto', 'quic', 'websocket', 'longpoll']), {
    value: 'auto|quic|websocket|longpoll',
    help: 'What carries the connection to the server: auto takes QUIC where quic says where it is, else WebSocket, and single HTTP requests where something on the way lets no WebSocket through.',
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

const { heartbeat: _heartbeat, ...credentials } = shared;

/** For every command that asks a server something and is done. */
export const access = { ...wayOut, ...credentials };
