/** Datagrams that a QUIC port gets from strangers who mean it no good, or nothing. */
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { loadQuic } from '../../src/transport/quic/binding.ts';
import { openQuicEndpoint } from '../../src/transport/quic/endpoint.ts';
import { clientConfig } from '../../src/transport/quic/settings.ts';
import { until } from './wait.ts';

/** Clients that are made at a time. */
const BATCH = 100;

/** Random bytes of every size, and with the beginnings of every kind of packet, Initials among them. */
export function malformed(i: number): Buffer {
  const bytes = randomBytes([1, 7, 20, 50, 700, 1_200, 1_350][i % 7]);
  if (i % 3 > 0 && bytes.length >= 20) {
    bytes[0] = 0xc0 | (bytes[0] & 0x3f);
    bytes.writeUInt32BE(i % 3 === 1 ? 1 : i % 5, 1);
    bytes[5] = i % 22;
  }
  return bytes;
}

/** The first datagrams of so many clients that never say anything again. */
export async function abandonedInitials(
  t: TestContext,
  count: number,
  protocol: string,
): Promise<Buffer[]> {
  const initials: Buffer[] = [];
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (bytes) => initials.push(bytes));
  await once(socket.bind(0, '127.0.0.1'), 'listening');
  t.after(() => socket.close());
  const config = clientConfig(loadQuic(), { protocols: [protocol] });
  const nowhere = { host: '127.0.0.1', port: socket.address().port };
  while (initials.length < count) {
    const clients = await openQuicEndpoint({ listen: { host: '127.0.0.1', port: 0 } });
    const expected = initials.length + BATCH;
    for (let i = 0; i < BATCH; i++) clients.connect(config, nowhere, 'localhost', () => {});
    await until('their Initials are there', () => initials.length >= expected);
    clients.close();
  }
  return initials.slice(0, count);
}

/** Sends them all from one port, in the order they come. */
export async function sendAll(
  t: TestContext,
  datagrams: Iterable<Buffer>,
  port: number,
): Promise<void> {
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  let i = 0;
  for (const bytes of datagrams) {
    const sent = Promise.withResolvers<void>();
    socket.send(bytes, port, '127.0.0.1', () => sent.resolve());
    await sent.promise;
    if (++i % 50 === 0) await turn();
  }
}
