/**
 * Finds out how a server can be reached from here, and what is in the way: each step of the road by
 * itself, then each transport from end to end.
 */
import dns from 'node:dns/promises';
import net from 'node:net';
import type tls from 'node:tls';
import { SallyportError } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';
import { printable } from '../../net/printable.ts';
import { transports } from '../../attach/transport-choice.ts';
import { quicFault } from '../../transport/quic/binding.ts';
import { openOutgoing } from '../../transport/outgoing/socket.ts';
import { endOf, isSecure, openWayOut, proxyOf } from '../../transport/outgoing/way-out.ts';
import type { ExaminationOptions } from './options.ts';
import { idleCutOff } from './idle.ts';
import { skipped, tryStep, type Step } from './step.ts';
import { tryTransport } from './transport-trial.ts';

/** Yields each step when it is done; the last ones may take long. Rejects only with the reason of the signal. */
export async function* examine(options: ExaminationOptions): AsyncGenerator<Step> {
  const reached = yield* examineRoad(options);
  if (reached) for (const transport of transports) yield await tryTransport(transport, options);
  // Its road is another one: by UDP, to a port of its own.
  if (options.wayOut.quic !== undefined) yield await tryTransport('quic', options);
  else if (reached) {
    const unsaid = 'not tried: --quic says where the server serves it';
    yield skipped('QUIC', quicFault()?.message ?? unsaid);
  }
  if (reached && options.idleMs > 0) yield await idleCutOff(options);
}

/** The road of what goes by TCP. Answers whether it leads to the server. */
async function* examineRoad(options: ExaminationOptions): AsyncGenerator<Step, boolean> {
  const { server, wayOut, signal } = options;
  const secure = isSecure(server);
  const end = endOf(server);
  const proxy = proxyOf(server, wayOut);
  const first = proxy ?? end;

  yield proxy === null
    ? skipped('proxy', 'none is set for this server, here or in the environment')
    : skipped(
        'proxy',
        `${proxy.kind} ${formatAddress(proxy)}${proxy.login ? ', with a login' : ''}`,
      );
  const name = await tryStep('name', () => lookUp(first.host));
  yield name;
  if (name.result === 'failed') return false;

  const connection = await tryStep('connection', async () => {
    const socket = await openOutgoing({ ...wayOut, ...first, secure: false, proxy: null, signal });
    const { localAddress = '', localPort = 0 } = socket;
    socket.destroy();
    return `${formatAddress(first)} from ${formatAddress({ host: localAddress, port: localPort })}`;
  });
  yield connection;
  if (connection.result === 'failed') return false;

  if (proxy !== null) {
    const passed = await tryStep('proxy login', async () => {
      (await openOutgoing({ ...wayOut, ...end, secure: false, proxy, signal })).destroy();
      return `it connects to ${formatAddress(end)}`;
    });
    yield passed;
    if (passed.result === 'failed') return false;
  }
  if (secure) {
    const secured = await tryStep('TLS', async () => {
      const socket = await openWayOut(server, wayOut, signal);
      const found = describeTls(socket as tls.TLSSocket);
      socket.destroy();
      return found;
    });
    yield secured;
    if (secured.result === 'failed') return false;
  } else yield skipped('TLS', 'the URL asks for none: what is sent can be read on the way');
  return true;
}

async function lookUp(host: string): Promise<string> {
  if (net.isIP(host) !== 0) return `${host} is an address`;
  try {
    const found = await dns.lookup(host, { all: true });
    return `${host} is ${found.map(({ address }) => address).join(', ')}`;
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new SallyportError('SERVER_UNREACHABLE', `${host}: no address was found (${code})`, {
      cause,
    });
  }
}

function describeTls(socket: tls.TLSSocket): string {
  const { subject, issuer, valid_to: until } = socket.getPeerCertificate();
  const who = (name: tls.Certificate | undefined): string => printable([name?.CN ?? '?'].flat()[0]);
  const { name } = socket.getCipher();
  const ends = `until ${new Date(until).toISOString().slice(0, 10)}`;
  return `${socket.getProtocol()} ${name}, certificate of ${who(subject)} by ${who(issuer)} ${ends}`;
}
