/** A UDP relay between QUIC clients and a server, where a test can lose, hold up and re-address datagrams. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export interface QuicRelay {
  readonly port: number;
  /** Datagrams to clients wait, as if the clients did not get to read them; and go on. */
  stall(): void;
  heal(): void;
  /** The next datagram to a client is lost. */
  loseNext(): void;
  /** Of the datagrams of clients, those for which this says so are lost. */
  lose(which: (datagram: number) => boolean): void;
  /** From now on clients reach the server from other ports. */
  rebind(): Promise<void>;
  /** Nothing passes any more. */
  cut(): void;
  close(): void;
}

/** In front of the UDP port `serverPort` on loopback; for one client at a time. */
export async function openQuicRelay(t: TestContext, serverPort: number): Promise<QuicRelay> {
  const front = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  let client = 0;
  let stalled = false;
  let gone = false;
  let losing = false;
  let held: Buffer[] = [];
  let lost: (datagram: number) => boolean = () => false;
  let sent = 0;
  const toClient = (datagram: Buffer): void => {
    if (gone || losing) losing = false;
    else if (stalled) held.push(datagram);
    else front.send(datagram, client, '127.0.0.1');
  };
  const openBack = async (): Promise<dgram.Socket> => {
    const back = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    back.on('message', toClient);
    back.bind(0, '127.0.0.1');
    await once(back, 'listening');
    return back;
  };
  let back = await openBack();
  front.on('message', (datagram, { port }) => {
    client = port;
    if (!gone && !lost(sent++)) back.send(datagram, serverPort, '127.0.0.1');
  });
  const close = (): void => {
    if (gone) return;
    gone = true;
    front.close();
    back.close();
  };
  t.after(close);
  return {
    port: front.address().port,
    stall: () => void (stalled = true),
    heal() {
      stalled = false;
      for (const datagram of held) toClient(datagram);
      held = [];
    },
    loseNext: () => void (losing = true),
    lose: (which) => void (lost = which),
    async rebind() {
      const before = back;
      back = await openBack();
      before.close();
    },
    cut: close,
    close,
  };
}
