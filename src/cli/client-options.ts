/** What all commands that dial a server make of their options. */
import fs from 'node:fs';
import type { Transport } from '../attach/transport-choice.ts';
import { SallyportError } from '../errors.ts';
import { parsePortRanges } from '../net/ports.ts';
import { parseDialAddress } from '../net/address.ts';
import { parseProxy, type Environment } from '../transport/outgoing/proxy.ts';
import type { OutgoingTls } from '../transport/outgoing/socket.ts';
import type { WayOut } from '../transport/outgoing/way-out.ts';

/** How to get to a server, and who is asking. */
export interface AccessKeys {
  server: string;
  token?: string | undefined;
  ca?: string | undefined;
  clientCert?: string | undefined;
  clientKey?: string | undefined;
  serverName?: string | undefined;
  proxy?: string | undefined;
  quic?: string | undefined;
  clientPorts?: string | undefined;
}

interface ClientKeys extends AccessKeys {
  transport: Transport | 'auto';
  mask: 'auto' | 'random';
  heartbeat: number;
}

export interface ServerAccess {
  server: URL;
  token: string;
  wayOut: WayOut;
  program: string;
}

export interface ClientOptions extends ServerAccess {
  transport: Transport | 'auto';
  randomMask: boolean;
  heartbeatMs: number;
}

/** What the process around a command gives to it. */
interface Surroundings {
  version: string;
  env: Environment;
}

/** Throws AUTH_REQUIRED without a token and a client certificate, CONFIG_INVALID when a file of it cannot be read. */
export function clientOptions(keys: ClientKeys, surroundings: Surroundings): ClientOptions {
  return {
    ...serverAccess(keys, surroundings),
    transport: keys.transport,
    randomMask: keys.mask === 'random',
    heartbeatMs: keys.heartbeat,
  };
}

/** Throws as `clientOptions` does. */
export function serverAccess(keys: AccessKeys, { version, env }: Surroundings): ServerAccess {
  const { token = keys.clientCert === undefined ? undefined : '' } = keys;
  if (token === undefined) {
    throw new SallyportError(
      'AUTH_REQUIRED',
      'token: none was given, nor a client certificate; a server that lets everybody in takes any token',
    );
  }
  return {
    server: new URL(keys.server),
    token,
    wayOut: wayOut(keys, env),
    program: `sallyport/${version}`,
  };
}

/** `proxy: none` is a direct way whatever the environment says. */
function wayOut(keys: AccessKeys, env: Environment): WayOut {
  const { proxy, quic, clientPorts } = keys;
  return {
    env,
    tls: tlsOptions(keys),
    ...(proxy !== undefined && { proxy: proxy === 'none' ? null : parseProxy(proxy) }),
    ...(quic !== undefined && { quic: parseDialAddress(quic, 'quic') }),
    ...(clientPorts !== undefined && { localPorts: parsePortRanges(clientPorts) }),
  };
}

function tlsOptions({ ca, clientCert, clientKey, serverName }: AccessKeys): OutgoingTls {
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const why = 'one stands without the other; give the certificate and its key';
    throw new SallyportError('CONFIG_INVALID', `client_cert and client_key: ${why}`);
  }
  return {
    ...(ca !== undefined && { ca: read('ca', ca) }),
    ...(clientCert !== undefined && { cert: read('client_cert', clientCert) }),
    ...(clientKey !== undefined && { key: read('client_key', clientKey) }),
    ...(serverName !== undefined && { serverName }),
  };
}

function read(key: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SallyportError(
      'CONFIG_INVALID',
      `${key}: cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}
