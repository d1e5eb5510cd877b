/** Hubble proxies that break the rules, or say no, as an agent of ours sees them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import type { SallyportError } from '../../src/errors.ts';
import { runHubble } from '../support/hubble.ts';
import { ACK, DATA, hubbleMessage, INITIATOR } from '../support/hubble-peer.ts';
import { until } from '../support/wait.ts';

const patience = { timeout: 60_000 };

test(
  'an agent is not harmed by a hostile proxy: it names what was wrong and dials again',
  patience,
  async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const welcome = hubbleMessage(ACK, { GUID: '', Ok: true, Message: '<nil>' });
    const acts: ((socket: WebSocket) => void)[] = [
      (socket) => socket.send('text'),
      (socket) => socket.send(hubbleMessage(DATA, { GUID: 'a', Data: 'x', Order: 1 })),
      (socket) =>
        socket.send(hubbleMessage(ACK, { GUID: '', Ok: false, Message: 'go\u001b[2J away' })),
      (socket) => socket.send(Buffer.concat([welcome, Buffer.of(0)])),
      (socket) => {
        socket.send(welcome);
        socket.send(Buffer.from('02', 'hex'));
      },
      (socket) => {
        socket.send(welcome);
        for (const GUID of ['a', 'a', 'b'])
          socket.send(
            hubbleMessage(INITIATOR, { GUID, RemoteHost: 'no such host', RemotePort: 1 }),
          );
      },
    ];
    const answers: Buffer[] = [];
    server.on('connection', (socket) => {
      t.after(() => socket.terminate());
      const act = acts.shift()!;
      socket.once('message', () => {
        act(socket);
        socket.on('message', (bytes: Buffer) => answers.push(bytes));
      });
    });
    const agent = runHubble(t, { port }, { name: 'agent' });
    await until('every act is over', () => acts.length === 0 && answers.length === 3, 30_000);
    const codes = agent.losses.map((error) => (error as SallyportError).code);
    const broken = 'PROTOCOL_MESSAGE';
    assert.deepEqual(codes, ['PROTOCOL_FRAME', broken, 'DENIED', broken, broken]);
    assert.ok(!agent.losses[2]!.message.includes('\u001b'));
  },
);
