/** The door for clients that come by QUIC: the process that serves it brings each on a local connection. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Reception } from '../../access/authenticate/reception.ts';
import { ATTACH_PATH, linkSlabs } from '../../attach/dial.ts';
import { failureOf } from '../../attach/messages.ts';
import { GREETING_ANSWER, readDialect, readLocalGreeting } from '../../attach/quic-greeting.ts';
import type { QuicPeers } from '../../compat/dialect.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../limits.ts';
import { Wire } from '../../net/wire.ts';
import type { Link } from '../../transport/link.ts';
import { PlainLink } from '../../transport/plain-link.ts';
import { describeCertificate } from '../client-certificate.ts';
import type { Sessions } from '../sessions.ts';
import { FirstMessage, sendFirst } from './greeted-link.ts';

export interface QuicDoorOptions {
  readonly reception: Reception;
  readonly sessions: Pick<Sessions, 'attach'>;
  /** Who takes peers of other tools, by the name of the dialect. */
  readonly dialects: ReadonlyMap<string, QuicPeers>;
  /** Throws SERVER_DRAINING or SERVER_BUSY while no client can be taken. */
  checkRoom(): void;
}

export interface QuicDoor {
  /** Where the other process connects: in a folder that only this user may enter. */
  readonly socketPath: string;
  close(): void;
}

export async function openQuicDoor(options: QuicDoorOptions): Promise<QuicDoor> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-quic-'));
  const socketPath = path.join(folder, 'door');
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
    receive(socket, options),
  );
  await once(server.listen(socketPath), 'listening');
  return {
    socketPath,
    close() {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function receive(socket: net.Socket, options: QuicDoorOptions): void {
  const link = new PlainLink(
    Wire.accept(socket, linkSlabs, { read: () => true, ended() {}, closed() {} }),
  );
  let gone = false;
  const late = setTimeout(() => {
    link.close(new SallyportError('HANDSHAKE_TIMEOUT', 'quic: no greeting came'));
  }, HANDSHAKE_TIMEOUT_MS);
  const admit = async (value: unknown): Promise<void> => {
    clearTimeout(late);
    try {
      options.checkRoom();
      const take = await judge(value, options);
      options.checkRoom();
      if (gone) return;
      sendFirst(link, GREETING_ANSWER);
      take(link);
    } catch (thrown) {
      const { code, message } = failureOf(asSallyportError(thrown));
      link.close(new SallyportError(code, message));
    }
  };
  link.receive(
    new FirstMessage(
      link,
      (value) => void admit(value),
      () => {
        gone = true;
        clearTimeout(late);
      },
    ),
  );
}

/** Who takes the link of whoever greets so. Rejects with what the greeting is refused with. */
async function judge(greeting: unknown, options: QuicDoorOptions): Promise<(link: Link) => void> {
  const name = readDialect(greeting);
  if (name !== null) {
    const dialect = options.dialects.get(name);
    if (dialect !== undefined) return dialect.admit(greeting);
    throw new SallyportError(
      'PROTOCOL_MESSAGE',
      'quic: a greeting of a dialect that is not served',
    );
  }
  const { token, peer, certificate } = readLocalGreeting(greeting);
  const identity = await options.reception.admit('attach', {
    authorization: token === '' ? null : `Bearer ${token}`,
    certificate:
      certificate === null
        ? null
        : describeCertificate(new X509Certificate(Buffer.from(certificate, 'base64'))),
    peer,
    service: null,
    method: 'QUIC',
    host: '',
    path: ATTACH_PATH,
  });
  return (link) => options.sessions.attach(link, identity, peer);
}
