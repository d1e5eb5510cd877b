/** A public port under test, with one service behind it. */
import type net from 'node:net';
import type { TestContext } from 'node:test';
import {
  createTcpIngress,
  type PublicPorts,
  type TcpIngressOptions,
} from '../../src/ingress/tcp/ports.ts';
import type { PortRange } from '../../src/net/ports.ts';
import {
  connectClient,
  openDoor,
  serveSockets,
  type Client,
  type ServiceDoor,
} from './service-door.ts';

export interface PublicPort {
  readonly door: ServiceDoor;
  readonly ports: PublicPorts;
  /** The port of the service `box`. */
  readonly port: number;
  connect(options?: Partial<net.TcpNetConnectOpts>): Client;
}

/** Ports that the system gives to nobody by itself; others may use some of them. */
export const publicRanges: PortRange[] = [
  { low: 30_100, high: 30_300 },
  { low: 30_400, high: 30_500 },
];

/** Opens a port for the service `box`, whose connections `target` serves. */
export async function openPublicPort(
  t: TestContext,
  target: (socket: net.Socket) => void,
  options: Partial<TcpIngressOptions> = {},
): Promise<PublicPort> {
  const door = openDoor(t, { box: await serveSockets(t, target) });
  const ports = createTcpIngress({ ...door, host: '127.0.0.1', ranges: publicRanges, ...options });
  t.after(() => ports.close());
  const port = await ports.listen(0, 'box');
  return { door, ports, port, connect: (more) => connectClient(t, { port, ...more }) };
}

export const echo = (socket: net.Socket): void => void socket.pipe(socket);
